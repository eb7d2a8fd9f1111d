"""Words for people: the nearest name, and times as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import ConfigError
from runtime.text import iso_time, nearest, parse_time_ns

MS = 1_000_000
S = 1_000 * MS
NEWEST_NS = 1_723_161_254_206_652_067
"""2024-08-08T23:54:14.206652067Z."""
MIDNIGHT_NS = 1_723_075_200 * S
CLOCK_NS = MIDNIGHT_NS + (23 * 3600 + 54 * 60 + 14) * S
"""23:54:14 of the newest day."""


class TestNearest:
    """A hint behind a name that is not known."""

    def test_the_case_of_letters_does_not_matter(self) -> None:
        assert nearest("btc/usdt", ["ETH/USDT", "BTC/USDT"]) == "; did you mean 'BTC/USDT'?"

    def test_of_many_names_the_first_are_listed(self) -> None:
        words = nearest("?", [f"a{number:03}" for number in range(100)])
        assert words.endswith("a028, a029 and 70 more")

    def test_a_misspelled_name_has_a_nearest(self) -> None:
        assert nearest("base_spred", ["max_loss", "base_spread"]) == "; did you mean 'base_spread'?"

    def test_a_name_like_no_other_gets_the_list(self) -> None:
        assert nearest("zzz", ["bid", "ask", "bid"]) == "; known are bid, ask"

    def test_without_names_there_is_no_hint(self) -> None:
        assert nearest("bid", ()) == ""


class TestWriting:
    """Times for people."""

    @pytest.mark.parametrize(
        ("time_ns", "text"),
        [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (1, "1970-01-01T00:00:00.000000001Z"),
            (S - 1, "1970-01-01T00:00:00.999999999Z"),
            (NEWEST_NS, "2024-08-08T23:54:14.206652067Z"),
        ],
    )
    def test_a_time_is_written_to_the_nanosecond(self, time_ns: int, text: str) -> None:
        assert iso_time(time_ns) == text


class TestReading:
    """Times from people."""

    @pytest.mark.parametrize(
        ("text", "time_ns"),
        [
            ("2024-08-08T23:54:14Z", CLOCK_NS),
            ("2024-08-08T23:54:14", CLOCK_NS),
            ("2024-08-08 23:54:14", CLOCK_NS),
            ("2024-08-09T01:54:14+02:00", CLOCK_NS),
            ("2024-08-08T23:54:14.5Z", CLOCK_NS + 500 * MS),
            ("2024-08-08", MIDNIGHT_NS),
            ("23:54:14", CLOCK_NS),
            ("23:54:14.206652067", NEWEST_NS),
            ("23:54:14.2066526", NEWEST_NS - 67 + 600),
            ("23:54", CLOCK_NS - 14 * S),
            ("00:00:00", MIDNIGHT_NS),
        ],
    )
    def test_a_moment_is_read_in_utc_and_a_clock_on_the_newest_day(self, text: str, time_ns: int) -> None:
        assert parse_time_ns(text, NEWEST_NS) == time_ns

    @pytest.mark.parametrize(
        ("text", "ago_ns"),
        [
            ("-0s", 0),
            ("-250ms", 250 * MS),
            ("-1.5s", 1_500 * MS),
            ("-15m", 900 * S),
            ("-2h", 7_200 * S),
            ("-1d", 86_400 * S),
        ],
    )
    def test_an_age_counts_back_from_the_newest_record(self, text: str, ago_ns: int) -> None:
        assert parse_time_ns(text, NEWEST_NS) == NEWEST_NS - ago_ns

    @pytest.mark.parametrize(
        "text", ["", "yesterday", "15m", "-15", "-15min", "25:00:00", "2024-13-01", "-s"]
    )
    def test_anything_else_is_refused_with_the_forms_that_are_understood(self, text: str) -> None:
        with pytest.raises(ConfigError, match="is not a time: use 2024-08-08T23:54:14Z") as caught:
            parse_time_ns(text, NEWEST_NS)
        assert repr(text) in str(caught.value)
        assert caught.value.exit_code == 2

    @given(st.integers(0, 2**63 - 1))
    def test_a_time_that_was_written_is_read_as_itself(self, time_ns: int) -> None:
        """Or the quote that `maker why` shows could not be asked for by its own time."""
        assert parse_time_ns(iso_time(time_ns), NEWEST_NS) == time_ns
