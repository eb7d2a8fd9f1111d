"""What a scalar of a configuration file is: its field decides."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from runtime.config.settings import load_config
from schemas.config import Config

WriteYaml = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteYaml:
    def to(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return to


class TestScalars:
    """What a scalar is, its field decides: YAML 1.1 guessed by its look."""

    @pytest.mark.parametrize("word", ["no", "on", "0100", "1:30", "1_000", "2024-13-45", "true", "12", "1e3"])
    def test_where_text_is_wanted_it_stays_as_written(self, write: WriteYaml, word: str) -> None:
        path = write("a.yaml", f"engine: {{log_dir: {word}}}")
        assert load_config((path,), env={}).config.engine.log_dir == word
        assert load_config(env={"MM__ENGINE__LOG_DIR": word}).config.engine.log_dir == word

    def test_a_time_of_day_is_a_time(self, write: WriteYaml) -> None:
        path = write("a.yaml", "model: {name: avellaneda_stoikov, gamma: 0.1, session_close_utc: 16:30}")
        assert load_config((path,), env={}).config.model.session_close_utc == "16:30"

    def test_a_symbol_may_look_like_a_number_or_a_truth_value(self, write: WriteYaml) -> None:
        path = write("a.yaml", "instruments:\n  ON: {tick_size: 0.01}\n  700: {tick_size: 0.2}\n  null: {}")
        found = load_config((path,), env={}).config.instruments
        assert {"ON", "700", "null"} <= set(found)
        assert found["700"].tick_size == Decimal("0.2")

    def test_the_default_markets_keep_their_contracts_beside_others(self, write: WriteYaml) -> None:
        path = write("a.yaml", "instruments: {A/B: {tick_size: 1, lot_size: 1}}")
        assert set(load_config((path,), env={}).config.instruments) == {"A/B", *Config().instruments}

    @pytest.mark.parametrize(
        ("text", "number"), [("0x10", 16), ("0o17", 15), ("+5", 5), ("'5'", 5), ("-7", -7), ("1e1", 10)]
    )
    def test_numbers_are_those_of_yaml_1_2(self, write: WriteYaml, text: str, number: int) -> None:
        assert load_config((write("a.yaml", f"feed: {{seed: {text}}}"),), env={}).config.feed.seed == number

    def test_a_decimal_keeps_every_digit(self, write: WriteYaml) -> None:
        path = write("a.yaml", "risk_limits: {max_position: 1000000.000000000000000001}")
        found = load_config((path,), env={}).config.risk_limits.max_position
        assert found == Decimal("1000000.000000000000000001")

    @pytest.mark.parametrize(
        ("text", "is_on"), [("true", True), ("no", False), ("off", False), ("yes", True)]
    )
    def test_a_truth_value_is_read_as_people_write_it(self, write: WriteYaml, text: str, is_on: bool) -> None:
        path = write("a.yaml", f"shape: {{hanging: {text}}}")
        assert load_config((path,), env={}).config.shape.hanging is is_on

    @pytest.mark.parametrize("nothing", ["null", "~", ""])
    def test_nothing_is_no_value_where_there_may_be_none(self, write: WriteYaml, nothing: str) -> None:
        path = write("a.yaml", f"routing: {{order_size_max: {nothing}}}\naccess: {{users_file: {nothing}}}")
        config = load_config((path,), env={}).config
        assert (config.routing.order_size_max, config.access.users_file) == (None, None)
