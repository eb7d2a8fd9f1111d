"""The past from a log on disk: stretches of time, pages, curves, states, files."""

import asyncio
import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from gateway_api.access.visibility import ALL_OF_IT
from gateway_api.app.problems import ProblemError
from gateway_api.history.client import HistoryAnswer, HistoryClient
from gateway_api.history.exporting import file_of
from gateway_api.history.state import StateMoments

from maker.composition import HISTORY_COMMAND
from runtime.errors import ConfigError
from runtime.log import plain_times, slices
from runtime.log.lines import LoggedRecord, parse_body
from runtime.log.logfile import LogFileBus, read_log
from runtime.log.slices import log_records
from runtime.process.definition import HistorySource
from runtime.replay.history import HistoryQuery, read_history
from schemas.control import AccessEvent, Command
from schemas.envelope import Envelope, decode
from schemas.message import Event
from schemas.topics import TOPIC_OF, TOPICS
from schemas.units import NS_PER_S
from schemas.views import ACCOUNT_DOCUMENT, AccountView
from tests.unit.gateway_api.conftest import Client, Engine, Messages
from tests.unit.gateway_api.past import calls_of

START_S = 1_700_000_000
KEY = "synthetic:BTC/USDT"
EVERY_TOPIC = frozenset(topic.name for topic in TOPICS)
END_NS = 1 << 62


def at(seconds: float) -> int:
    return int((START_S + seconds) * NS_PER_S)


@pytest.fixture
def source(
    tmp_path: Path, btc: Messages, account: Messages, messages_of: Callable[..., Messages]
) -> HistorySource:
    """Two minutes of two symbols in small segments: a book a second each, a fill every ten."""
    bus = LogFileBus(tmp_path, segment_bytes_max=20_000)
    eth = messages_of("ETH/USDT")
    sequence = 0

    def say(*events: Event) -> None:
        nonlocal sequence
        for event in events:
            sequence += 1
            cause = f"p:{sequence - 1}" if sequence > 1 else None
            envelope = Envelope("p", sequence, cause, event.event_time_ns, event.type_name)
            bus.publish(TOPIC_OF[event.type_name], envelope, event)
        bus.commit()

    say(btc.instrument(), eth.instrument(), account.risk(0, "RUN"))
    for second in range(1, 120):
        say(btc.book(second, 9_900 + second, 10_100), btc.target(second), eth.book(second))
        if second % 10 == 0:
            say(btc.fill(second, second), btc.position(second, lots=second, pnl=second, pnl_reporting=second))
    say(eth.alert(120, "warning", 1), command(btc, 120), denial(account, 121))
    asyncio.run(bus.close())
    return HistorySource(log_dir=tmp_path)


def folder_of(source: HistorySource) -> Path:
    assert source.log_dir is not None
    return source.log_dir


def command(btc: Messages, second: float) -> Command:
    return Command(**btc.at(second), command_id="c", action="halt", principal="ann", reason="news")


def denial(account: Messages, second: float) -> AccessEvent:
    return AccessEvent(**account.at(second), kind="denied", principal="eve", address="x", detail="halt")


def test_a_stretch_is_what_the_whole_log_holds_of_it(source: HistorySource) -> None:
    for begin, end in ((0, 130), (30, 31), (59.5, 61), (119, 400), (200, 300)):
        query = HistoryQuery(EVERY_TOPIC, at(begin), at(end))
        found = [placed.record for placed in read_history(source, query)]
        assert found == [record for record in read_log(folder_of(source)) if query.matches(record)]
    assert len(list(folder_of(source).glob("*.log"))) > 3


def test_a_late_stretch_does_not_read_the_log_from_its_start(
    source: HistorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_times, "_PART_BYTES", 1_000)
    parsed: list[bytes] = []

    def counted(body: bytes) -> LoggedRecord | None:
        parsed.append(body)
        return parse_body(body)

    monkeypatch.setattr(slices, "parse_body", counted)
    found = list(log_records(folder_of(source), EVERY_TOPIC, at(100), at(101)))
    assert found
    assert len(parsed) < 80


def test_a_cursor_goes_on_where_the_page_ended(source: HistorySource) -> None:
    calls, pages, cursor = calls_of(source), [], None
    while True:
        page = calls.fills(ALL_OF_IT, [KEY], 0, END_NS, 4, cursor)
        pages.append([row["venue_trade_id"] for row in page["rows"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [len(page) for page in pages] == [4, 4, 3]
    assert len({name for page in pages for name in page}) == 11


def test_a_cursor_that_is_none_is_refused(source: HistorySource) -> None:
    with pytest.raises(ConfigError, match="'x:y' is not a cursor"):
        calls_of(source).fills(ALL_OF_IT, None, 0, END_NS, 4, "x:y")


def test_fills_are_in_units_of_people(source: HistorySource) -> None:
    row = calls_of(source).fills(ALL_OF_IT, None, 0, END_NS, 1, None)["rows"][0]
    assert (row["price"], row["size"], row["side"], row["edge_bps"]) == ("99.90", "2.000", "buy", 10.0)


def test_a_curve_shows_the_newest_value_of_each_part_of_the_time(source: HistorySource) -> None:
    found = calls_of(source).series(ALL_OF_IT, "inventory", KEY, at(0), at(120), 4)
    assert found["columns"][:2] == ("time_ms", "position")
    assert [row[1] for row in found["rows"]] == [0.02, 0.05, 0.08, 0.11]


def test_profit_of_the_account_and_its_fall(source: HistorySource) -> None:
    rows = calls_of(source).series(ALL_OF_IT, "pnl", None, at(0), at(120), 12)["rows"]
    assert [row[1] for row in rows][:2] == ["10.0000", "20.0000"]
    assert {row[-1] for row in rows} == {"0.0000"}


def test_quotes_beside_the_market(source: HistorySource) -> None:
    rows = calls_of(source).series(ALL_OF_IT, "quotes", KEY, at(0), at(120), 2)["rows"]
    assert rows[-1][1:] == (99.9, 100.1, 100.19, 101.0, pytest.approx(100.595))


def test_events_by_lane_and_text(source: HistorySource) -> None:
    calls = calls_of(source)
    human = calls.events(ALL_OF_IT, None, ["human"], 0, END_NS, 10, None, "")["rows"]
    assert [row["summary"] for row in human] == ["halt news", "denied"]
    assert calls.events(ALL_OF_IT, None, ["human"], 0, END_NS, 10, None, "news")["rows"] == human[:1]
    fills = calls.events(ALL_OF_IT, [KEY], ["fill"], at(10), at(11), 10, None, "")["rows"]
    assert {row["type"] for row in fills} == {"order.fill.v1", "inventory.position.v1"}
    assert fills[0]["message"]["venue_trade_id"] == "sim-10"


def test_each_event_says_in_a_line_what_it_says(source: HistorySource) -> None:
    found = calls_of(source).events(
        ALL_OF_IT, [KEY], ["market", "quote", "fill"], at(10), at(11), 10, None, ""
    )["rows"]
    assert {row["type"]: row["summary"] for row in found} == {
        "market.book.v1": "99.10 / 101.00",
        "quote.target.v1": "99.90 / 100.10",
        "order.fill.v1": "buy 2.000 @ 99.90",
        "inventory.position.v1": "0.010 BTC, profit 10.0000",
    }


def test_the_chain_of_an_event(source: HistorySource) -> None:
    calls = calls_of(source)
    fill = calls.events(ALL_OF_IT, [KEY], ["fill"], at(10), at(11), 1, None, "")["rows"][0]
    chain = calls.chain(ALL_OF_IT, fill["event_id"], KEY, int(fill["time_ns"]))
    assert chain["effects"][0]["cause"] == fill["event_id"]
    assert all(row["time_ms"] <= fill["time_ms"] for row in chain["causes"])


def test_the_audit_says_who_did_what_and_who_was_turned_away(source: HistorySource) -> None:
    rows = calls_of(source).audit(ALL_OF_IT, 0, END_NS, 10, None)["rows"]
    assert [(row["principal"], row["action"], row["outcome"]) for row in rows] == [
        ("ann", "halt", "sent"),
        ("eve", "denied", "refused"),
    ]


@pytest.mark.parametrize("order", [(100, 10, 55.5), (10, 55.5, 100)])
def test_a_state_of_the_past_is_as_it_was(source: HistorySource, order: tuple[float, ...]) -> None:
    calls = calls_of(source)
    for second in order:
        status = calls.state(ALL_OF_IT, KEY, at(second))["status"]
        assert status["market"]["bid"] == f"{99 + int(second) / 100:.2f}"
        assert status["activity"]["fills"] == int(second) // 10
        assert status["event_time_ms"] == int(START_S + int(second)) * 1000


def test_the_account_of_the_past_has_alerts_of_all_symbols(source: HistorySource) -> None:
    documents = StateMoments(source).documents(KEY, at(125))
    account = decode(AccountView, documents[ACCOUNT_DOCUMENT])
    assert account.event_time_ns == at(125)
    assert [(each.symbol, each.severity) for each in account.alerts] == [("ETH/USDT", "warning")]
    assert [each.action for each in account.last_commands] == ["halt"]


def test_before_the_first_message_there_is_no_state(source: HistorySource) -> None:
    assert calls_of(source).state(ALL_OF_IT, KEY, at(-5))["status"] is None


def test_files_hold_every_row() -> None:
    rows = [[1, "=1+1", {"a": 1}], [2, "plain", None]]
    text = file_of(("n", "word", "thing"), rows, "csv").decode()
    assert list(csv.reader(io.StringIO(text))) == [
        ["n", "word", "thing"],
        ["1", "'=1+1", '{"a": 1}'],
        ["2", "plain", ""],
    ]
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(io.BytesIO(file_of(("n", "word", "thing"), rows, "parquet")))
    assert table.to_pylist()[0] == {"n": 1, "word": "=1+1", "thing": '{"a": 1}'}


def test_the_history_process_answers_and_outlives_a_bad_question(source: HistorySource) -> None:
    async def ask() -> tuple[list[HistoryAnswer], HistoryAnswer]:
        client = HistoryClient(source, HISTORY_COMMAND)
        try:
            with pytest.raises(ProblemError, match="is not a cursor"):
                await client.ask(
                    "fills",
                    {"keys": None, "from_ns": 0, "to_ns": END_NS, "limit": 1, "cursor": "x"},
                    ALL_OF_IT,
                )
            process = client._process
            assert process is not None
            answers = await asyncio.gather(*(client.ask("span", {}, ALL_OF_IT) for _ in range(5)))
            assert client._process is process
            process.kill()
            await process.wait()
            return answers, await client.ask("span", {}, ALL_OF_IT)
        finally:
            await client.close()

    answers, after = asyncio.run(ask())
    assert {answer.body for answer in answers} == {after.body}
    assert json.loads(after.body)["from_ms"] == START_S * 1000


def test_a_question_that_takes_too_long_ends(source: HistorySource) -> None:
    async def ask() -> tuple[int, object]:
        client = HistoryClient(source, HISTORY_COMMAND, answer_s_max=0.001)
        try:
            with pytest.raises(ProblemError) as refused:
                await client.ask("span", {}, ALL_OF_IT)
            return refused.value.status, client._process
        finally:
            await client.close()

    assert asyncio.run(ask()) == (504, None)


def test_without_a_log_there_is_no_history(trading: Engine, client_of: type[Client]) -> None:
    answer = client_of(trading).get("/api/v1/history/fills")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_history")


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "from=-1m&to=-2m", "limit=0", "format=xlsx", "lanes=moon"],
)
def test_a_question_that_makes_no_sense_says_so(trading: Engine, client_of: type[Client], query: str) -> None:
    answer = client_of(trading).get(f"/api/v1/history/events?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_parts_of_an_accounts_profit_are_in_the_reporting_currency_where_they_add_up_to_nothing(
    tmp_path: Path, messages_of: Callable[..., Messages]
) -> None:
    """Capture of 10 EUR and fees of 10 EUR at 1.25: a total of 0 says no rate, the contract does."""
    eur = messages_of("BTC/EUR")
    bus = LogFileBus(tmp_path)
    parts = {"pnl": 0, "pnl_reporting": 0, "pnl_capture": 10, "pnl_inventory": 0, "fees": 10}
    contract = eur.instrument().model_copy(
        update={"quote_currency": "EUR", "reporting_rate": Decimal("1.25")}
    )
    for number, event in enumerate((contract, eur.position(1, **parts)), start=1):
        bus.publish(
            TOPIC_OF[event.type_name],
            Envelope("p", number, None, event.event_time_ns, event.type_name),
            event,
        )
    asyncio.run(bus.close())
    (row,) = calls_of(HistorySource(log_dir=tmp_path)).series(ALL_OF_IT, "pnl", None, at(0), at(2), 1)["rows"]
    assert row[1:5] == ("0.0000", "12.5000", "0.0000", "12.5000")
