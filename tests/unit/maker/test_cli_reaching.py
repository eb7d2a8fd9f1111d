"""`maker halt`, `resume`, `status` over made-up engines: order, exit codes, who may, what is said."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_api.access.visibility import ALL_OF_IT
from gateway_api.app.engine_status import halts_in_force
from typer.testing import CliRunner, Result

from maker.asking import PeopleDesk, Word
from maker.cli import halt as halt_module
from maker.cli import status as status_module
from maker.cli.app import app
from maker.cli.status import exit_code_of
from maker.reaching import Rule
from maker.reaching_kafka import mass_cancel_of
from maker.resuming import Resume, resume_commands
from runtime.errors import ConfigError
from runtime.store.documents import MemoryStore
from schemas.config import Config
from schemas.control import Command
from schemas.deployment import Access
from schemas.envelope import encode
from schemas.orders import KillReport
from schemas.risk import RiskState
from schemas.views import ACCOUNT_DOCUMENT, AccountView

BTC = "binance:BTC/USDT"
USERS = Access(users_file="users.yaml")


def halted(key: str = BTC, **fields: Any) -> dict[str, Any]:
    given = {
        "key": key,
        "reasons": ["COMMAND: a try by ann"],
        "halt_sequence": 3,
        "since_ms": 1_700_000_000_000.0,
        "withdrawal": "confirmed",
        "open_orders": 0,
        "resume_asked_by": None,
    }
    return given | fields


def process(name: str = "risk-service", state: str = "ok", **fields: Any) -> dict[str, Any]:
    given = {"lag": [], "outbox_records": 0, "starts": 2, "because": None, "age_ms": 5.0, "said_age_ms": 10.0}
    return given | {"name": name, "state": state} | fields


def symbol(key: str = BTC, state: str = "QUOTING") -> dict[str, Any]:
    side = {"quote": {"price": "60000.1", "size": "0.1"}, "reason": None}
    return {
        "key": key,
        "symbol": key.partition(":")[2],
        "state": state,
        "bid": side,
        "ask": {"quote": None, "reason": "at its limit"},
        "inventory": {"position": "0.5", "base_currency": "BTC"},
        "pnl": {"total": "12.5", "currency": "USDT"},
        "risk": {"state": "RUN"},
    }


def standing(**fields: Any) -> dict[str, Any]:
    given = {
        "shape": "processes over Kafka",
        "state": "RUN",
        "reasons": [],
        "store": "live",
        "store_age_ms": 0,
        "broker": {"state": "ok"},
        "halts": [],
        "symbols": [symbol(), symbol("binance:ETH/USDT")],
        "processes": [process()],
    }
    return given | fields


class Engine:
    """Answers as it is told to."""

    def __init__(self, place: str = "runs/a") -> None:
        self.place = place
        self.log: list[str] = []
        self.answers: list[Any] = [
            {"accepted": "c1", "symbol": "*", "log": place},
            {"state": "cancelling", "open_orders": ["mm-1"]},
            {"state": "confirmed", "open_orders": []},
        ]
        self.rule_in_force: Rule | None = Rule(1, Access())
        self.statuses: list[dict[str, Any]] = [standing()]
        self.resumed: list[Resume] = []

    def halt(self, symbol: str, reason: str, until_s: float) -> Iterator[Any]:
        self.log.append(f"{symbol}: {reason}")
        for answer in self.answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer

    def rule(self) -> Rule | None:
        return self.rule_in_force

    def resume(self, resume: Resume) -> None:
        self.resumed.append(resume)

    def status(self) -> dict[str, Any]:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    found = [Engine()]
    for module in (halt_module, status_module):
        monkeypatch.setattr(module, "reach", lambda where: found)
    monkeypatch.setattr(halt_module, "LOOK_S", 0.0)
    return found


def maker(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


class TestHalt:
    def test_it_is_over_when_the_venue_has_shown_that_none_is_left(self, engines: list[Engine]) -> None:
        done = maker("halt", "--reason", "a fire")
        assert done.exit_code == 0
        assert done.stdout.splitlines() == [
            "halt of everything accepted by the engine on runs/a",
            "cancelling: 1 orders may be open",
            "confirmed: no order is open",
        ]
        assert engines[0].log == ["*: a fire"]

    @pytest.mark.parametrize("how", [TimeoutError(), None])
    def test_without_that_proof_the_exit_code_says_so(self, engines: list[Engine], how: Any) -> None:
        engines[0].answers[2:] = [] if how is None else [how]
        assert maker("halt").exit_code == 1

    def test_every_engine_is_halted_whatever_another_one_does(self, engines: list[Engine]) -> None:
        engines.insert(0, Engine("runs/stuck"))
        engines[0].answers = [TimeoutError()]
        done = maker("halt")
        assert (done.exit_code, engines[1].log) == (3, ["*: by hand"])
        assert "confirmed" in done.stdout
        assert "runs/stuck did not accept the halt in time" in done.stderr

    def test_a_symbol_that_one_of_several_has_is_halted_there(self, engines: list[Engine]) -> None:
        engines.insert(0, Engine("runs/other"))
        engines[0].answers = [ConfigError("no symbol is called 'BTC/USDT'")]
        assert maker("halt", "BTC/USDT").exit_code == 0

    def test_a_symbol_that_nobody_has_is_said(self, engines: list[Engine]) -> None:
        engines[0].answers = [ConfigError("no symbol is called 'BTCUSDT'; did you mean 'BTC/USDT'?")]
        done = maker("halt", "BTCUSDT")
        assert (done.exit_code, "did you mean 'BTC/USDT'?" in done.stderr) == (2, True)

    def test_a_symbol_and_all_is_a_contradiction(self, engines: list[Engine]) -> None:
        assert maker("halt", "BTC/USDT", "--all").exit_code == 2
        assert engines[0].log == []


class TestResume:
    def test_who_is_alone_ends_the_halt_that_is_there(self, engines: list[Engine]) -> None:
        engines[0].statuses = [standing(halts=[halted()]), standing()]
        done = maker("resume", "BTC/USDT", "--reason", "mended")
        assert (done.exit_code, done.stdout) == (0, "BTC/USDT: trading again\n")
        assert engines[0].resumed == [Resume(key=BTC, halt_sequence=3, reason="mended")]

    def test_all_ends_every_halt(self, engines: list[Engine]) -> None:
        engines[0].statuses = [standing(halts=[halted("*:*"), halted()]), standing()]
        assert maker("resume", "--all", "--reason", "mended").exit_code == 0
        assert [each.key for each in engines[0].resumed] == ["*:*", BTC]

    def test_one_that_is_not_over_in_time_is_said(self, engines: list[Engine]) -> None:
        engines[0].statuses = [standing(halts=[halted()]), standing(halts=[halted(halt_sequence=4)])]
        done = maker("resume", "BTC/USDT", "--reason", "mended")
        assert (done.exit_code, "still halted: COMMAND: a try" in done.stdout) == (1, True)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("resume", "--reason", "x"), "halts are only resumed explicitly"),
            (("resume", "BTC/USDT"), "give a --reason"),
            (("resume", "ETH/USDT", "--reason", "x"), "ETH/USDT is not halted itself; halted: BTC/USDT"),
            (("resume", "BTCUSDT", "--reason", "x"), "did you mean 'BTC/USDT'?"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, engines: list[Engine], arguments: tuple[str, ...], said: str
    ) -> None:
        engines[0].statuses = [standing(halts=[halted()])]
        done = maker(*arguments)
        assert (done.exit_code, engines[0].resumed) == (2, [])
        assert said in done.stderr

    def test_where_several_run_one_is_to_be_named(self, engines: list[Engine]) -> None:
        engines.append(Engine("runs/b"))
        done = maker("resume", "--all", "--reason", "x")
        assert (done.exit_code, "name one with --log (runs/a, runs/b)" in done.stderr) == (2, True)

    def test_two_people_without_names_is_refused(self, engines: list[Engine]) -> None:
        engines[0].statuses = [standing(halts=[halted()])]
        engines[0].rule_in_force = Rule(2, Access())
        done = maker("resume", "BTC/USDT", "--reason", "x")
        assert (done.exit_code, "two people end a halt" in done.stderr) == (2, True)


class TestPeople:
    @pytest.fixture
    def entered(self, engines: list[Engine], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
        """Who came in, for what."""
        found: list[tuple[str, str]] = []

        def enter(access: Access, name: str, file: Path | None, permission: str) -> tuple[str, ...]:
            found.append((name, permission))
            return ("binance:ETH/USDT",) if name == "narrow" else ("*",)

        monkeypatch.setattr(halt_module, "enter", enter)
        engines[0].rule_in_force = Rule(2, USERS)
        return found

    def ask(self, *options: str) -> Result:
        return maker("resume", "BTC/USDT", "--reason", "x", *options)

    def test_both_at_one_terminal(self, engines: list[Engine], entered: list[tuple[str, str]]) -> None:
        engines[0].statuses = [standing(halts=[halted()]), standing()]
        assert self.ask("--as", "ann", "--approver", "bob").exit_code == 0
        assert entered == [("ann", "resume_request"), ("bob", "resume")]
        assert engines[0].resumed[0].words == (
            Word(principal="ann", is_request=True),
            Word(principal="bob", agrees_with="ann"),
        )

    def test_the_first_of_two_asks_and_is_told_that_it_takes_another(
        self, engines: list[Engine], entered: list[tuple[str, str]]
    ) -> None:
        engines[0].statuses = [standing(halts=[halted()]), standing(halts=[halted(resume_asked_by="ann")])]
        done = self.ask("--as", "ann")
        assert (done.exit_code, entered) == (4, [("ann", "resume_request")])
        assert "requested by ann; a second person has to approve" in done.stdout

    def test_the_second_agrees_with_who_asked(
        self, engines: list[Engine], entered: list[tuple[str, str]]
    ) -> None:
        engines[0].statuses = [standing(halts=[halted(resume_asked_by="ann")]), standing()]
        assert self.ask("--as", "bob").exit_code == 0
        assert entered == [("bob", "resume")]
        assert engines[0].resumed[0].words == (Word(principal="bob", agrees_with="ann"),)

    def test_a_scope_that_does_not_reach_it_is_refused(
        self, engines: list[Engine], entered: list[tuple[str, str]]
    ) -> None:
        engines[0].statuses = [standing(halts=[halted()])]
        done = self.ask("--as", "narrow")
        assert (done.exit_code, engines[0].resumed) == (4, [])
        assert "does not include BTC/USDT" in done.stderr

    def test_who_names_nobody_is_told_to(self, engines: list[Engine], entered: list[tuple[str, str]]) -> None:
        engines[0].statuses = [standing(halts=[halted()])]
        assert "give --as NAME" in self.ask().stderr
        assert entered == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 0),
        ({"symbols": [symbol(state="STOPPED")]}, 0),
        ({"symbols": [symbol(state="NO_MARKET")]}, 1),
        ({"processes": [process(state="silent")]}, 3),
        ({"processes": [process(state="not_ready")]}, 3),
        ({"processes": [process("statistics", "missing")]}, 0),
        ({"store": "stale"}, 3),
        ({"state": None}, 3),
        ({"halts": [halted()], "processes": [process(state="silent")]}, 4),
        ({"state": "HALT"}, 4),
    ],
)
def test_a_script_is_told_by_the_exit_code(fields: dict[str, Any], code: int) -> None:
    assert exit_code_of(standing(**fields)) == code


def test_status_for_people(engines: list[Engine]) -> None:
    lag = [{"topic": "market.book", "records": 12, "age_ms": 5.0}]
    engines[0].statuses = [
        standing(
            halts=[halted()],
            store="away",
            broker={"state": "away", "because": "connection refused"},
            processes=[process(lag=lag), process("order-router", "silent", said_age_ms=7_200.0)],
        )
    ]
    done = maker("status")
    assert done.exit_code == 4
    for said in (
        "halted: BTC/USDT since 2023-11-14T22:13:20Z: COMMAND: a try by ann; the venue shows no open order",
        "silent for 7.2 s",
        "broker unreachable: connection refused",
        "60000.1 x 0.1",
        "at its limit",
        "12.5 USDT",
    ):
        assert said in done.stdout


def test_status_says_that_orders_go_out_under_a_halt(engines: list[Engine]) -> None:
    engines[0].statuses = [standing(halts=[halted() | {"flattens": True}])]
    assert "no open order; orders that reduce go out until nothing is held" in maker("status").stdout
    engines[0].statuses = [standing(halts=[halted() | {"flatten_asked_by": "ann"}])]
    assert "ann asks for a flatten" in maker("status").stdout


def test_status_of_one_symbol_for_programs(engines: list[Engine]) -> None:
    engines[0].statuses = [standing(halts=[halted()])]
    done = maker("status", "ETH/USDT", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["halts"]) == (0, [])  # that another one is halted is not its affair
    assert [each["symbol"] for each in found["symbols"]] == ["ETH/USDT"]
    assert "did you mean 'BTC/USDT'?" in maker("status", "BTCUSDT").stderr


def test_the_engines_desk_sends_each_word_for_the_halt_that_was_meant() -> None:
    sent: list[Command] = []
    desk = PeopleDesk(Resume, resume_commands, sent.append, lambda: 5, lambda: (BTC,))
    asked = Resume(key=BTC, halt_sequence=3, reason="mended").model_dump(mode="json")
    assert len(desk.answer(asked, "root at this machine")["sent"]) == 1
    (command,) = sent
    assert (command.action, command.principal, command.halt_sequence) == ("resume", "root at this machine", 3)
    with pytest.raises(ConfigError, match="no symbol is called 'binance:XRP/USDT'"):
        desk.answer(asked | {"key": "binance:XRP/USDT"}, "root")
    with pytest.raises(ConfigError, match="reason"):
        desk.answer(asked | {"reason": ""}, "root")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("status", "--log", "nowhere"), 3, "no engine runs on nowhere: give its folder with --log"),
        (("status",), 3, "runs on this machine"),
        (("halt", "--url", "ftp://x"), 2, "is not a URL"),
        (("halt", "--url", "http://127.0.0.1:1"), 2, "needs a token, which `maker token NAME"),
        (("halt", "--kafka", "127.0.0.1:1"), 2, "there is no signing key here"),
    ],
)
def test_where_no_engine_is_found_it_says_where_it_looked(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    done = maker(*arguments)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
    assert not (tmp_path / Config().process.state_dir).exists()  # no key is made that nobody knows


def withdrawal(key: str, state: str, *orders: str) -> KillReport:
    venue, _, name = key.partition(":")
    return KillReport(
        event_time_ns=9, venue=venue, symbol=name, state=state, began_ns=1_000_000, open_orders=orders
    )


@pytest.mark.parametrize(
    ("key", "reports", "found"),
    [
        (BTC, [], None),
        (BTC, [withdrawal(BTC, "none"), withdrawal("binance:*", "confirmed")], None),
        (BTC, [withdrawal(BTC, "cancelling", "a")], ("cancelling", ["a"])),
        ("*:*", [withdrawal("binance:*", "confirmed")], ("confirmed", [])),
        (
            "*:*",
            [withdrawal("binance:*", "confirmed"), withdrawal("kraken:*", "incomplete", "b")],
            ("incomplete", ["b"]),
        ),
        ("*:*", [withdrawal(BTC, "confirmed")], None),
    ],
)
def test_a_halt_of_everything_is_proven_when_each_venue_has_shown_that_none_is_left(
    key: str, reports: list[KillReport], found: tuple[str, list[str]] | None
) -> None:
    told = mass_cancel_of(key, reports)
    assert told == (None if found is None else {"state": found[0], "open_orders": found[1]})


def test_status_shows_the_withdrawal_of_a_halt_of_everything() -> None:
    risk = RiskState(event_time_ns=5, venue="*", symbol="*", state="HALT", latched=True, reasons=("by ann",))
    account = AccountView(
        event_time_ns=5, risk=risk, withdrawals=(withdrawal("binance:*", "cancelling", "a", "b"),)
    )
    store = MemoryStore()
    store.put({ACCOUNT_DOCUMENT: encode(account)})
    (halt,) = halts_in_force(store, ALL_OF_IT)
    assert (halt.withdrawal, halt.open_orders, halt.since_ms) == ("cancelling", 2, 1.0)
