"""`maker flatten` over made-up engines: what is sent, who may, what is waited for, exit codes."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from maker.asking import PeopleDesk, Word
from maker.cli import flatten as flatten_module
from maker.cli import halt as halt_module
from maker.cli.app import app
from maker.flattening import Flatten, flatten_commands
from maker.reaching import Rule
from runtime.errors import ConfigError
from schemas.control import Command
from schemas.deployment import Access

BTC = "binance:BTC/USDT"
ALL = "*:*"
USERS = Access(users_file="users.yaml")


def symbol(position: str = "0", key: str = BTC, **fields: Any) -> dict[str, Any]:
    return {
        "key": key,
        "symbol": key.partition(":")[2],
        "stopped": True,
        "inventory": {"position": position},
        "balancing": None,
    } | fields


def halted(key: str = BTC, **fields: Any) -> dict[str, Any]:
    given = {"key": key, "reasons": ["COMMAND: a try by ann"], "halt_sequence": 3, "flattens": False}
    return given | {"flatten_asked_by": None} | fields


class FlattenedEngine:
    """Answers as it is told to."""

    place = "runs/a"

    def __init__(self) -> None:
        self.rule_in_force: Rule | None = Rule(1, Access())
        self.statuses: list[dict[str, Any]] = [{"halts": [], "symbols": [symbol()]}]
        self.flattened: list[Flatten] = []

    def then(self, *symbols: dict[str, Any], halts: list[dict[str, Any]] | None = None) -> None:
        self.statuses.append({"halts": halts or [], "symbols": list(symbols)})

    def flatten(self, flatten: Flatten) -> None:
        self.flattened.append(flatten)

    def rule(self) -> Rule | None:
        return self.rule_in_force

    def status(self) -> dict[str, Any]:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FlattenedEngine:
    found = FlattenedEngine()
    monkeypatch.setattr(flatten_module, "reach", lambda where: [found])
    monkeypatch.setattr(flatten_module, "LOOK_S", 0.0)
    return found


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def enter(access: Access, name: str, file: Any, permission: str) -> tuple[str, ...]:
        found.append((name, permission))
        return ("*",)

    monkeypatch.setattr(halt_module, "enter", enter)
    return found


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["flatten", *arguments, "--reason", "leaving"])


def test_it_waits_until_nothing_is_held(engine: FlattenedEngine) -> None:
    engine.then(symbol("0.5", stopped=False))
    engine.then(symbol("0.5"))
    engine.then(symbol("0"))
    done = run("BTC/USDT", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["state"] == "flat"
    assert engine.flattened == [Flatten(key=BTC, halt=False, reason="leaving")]
    assert len(engine.statuses) == 1, "all were looked at"


def test_by_default_it_is_about_everything_and_a_halt_is_waited_for(engine: FlattenedEngine) -> None:
    engine.then(symbol())
    engine.then(symbol(), halts=[halted(ALL, flattens=True)])
    done = run("--halt")
    assert (done.exit_code, done.stdout) == (0, "everything: nothing is held; a resume ends the halt\n")
    assert engine.flattened == [Flatten(key=ALL, halt=True, reason="leaving")]


def test_what_is_still_held_and_why_is_said(engine: FlattenedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maker.cli.flatten.time.monotonic", iter([0.0, 0.5, 2.0]).__next__)
    engine.then(symbol("0.5", balancing={"held_back": "taking costs 14 bps"}))
    done = run("BTC/USDT", "--within", "1")
    assert (done.exit_code, done.stdout) == (1, "BTC/USDT: still held: BTC/USDT 0.5; it goes on\n")
    assert done.stderr == "BTC/USDT: taking costs 14 bps\n"


@pytest.mark.parametrize(
    ("arguments", "halts", "text"),
    [
        (["BTC/USD"], [], "no symbol is called 'BTC/USD'; nearest: BTC/USDT"),
        (["BTC/USDT"], [halted()], "BTC/USDT is halted (COMMAND: a try by ann): --halt lets orders out"),
        (["BTC/USDT", "--halt"], [halted(ALL)], "everything is halted: flatten everything"),
    ],
)
def test_what_would_come_to_nothing_is_refused(
    engine: FlattenedEngine, arguments: list[str], halts: list[dict[str, Any]], text: str
) -> None:
    engine.statuses = [{"halts": halts, "symbols": [symbol()]}]
    done = run(*arguments)
    assert done.exit_code == ConfigError.exit_code
    assert text.split(";", maxsplit=1)[0] in done.stderr
    assert engine.flattened == []


def test_a_reason_is_needed(engine: FlattenedEngine) -> None:
    done = CliRunner().invoke(app, ["flatten", "BTC/USDT"])
    assert (done.exit_code, engine.flattened) == (ConfigError.exit_code, [])
    assert "--reason" in done.stderr


class TestTwoPeople:
    """As for a resume, at a terminal or one after the other."""

    @pytest.fixture(autouse=True)
    def two(self, engine: FlattenedEngine) -> None:
        engine.rule_in_force = Rule(2, USERS)

    def test_one_asks_and_has_to_wait(self, engine: FlattenedEngine, entered: list[tuple[str, str]]) -> None:
        engine.then(symbol("1"), halts=[halted(flatten_asked_by="ann")])
        done = run("BTC/USDT", "--halt", "--as", "ann")
        assert (done.exit_code, entered) == (4, [("ann", "flatten")])
        assert "a second person has to approve" in done.stdout
        assert engine.flattened[0].words == (Word(principal="ann", is_request=True),)

    def test_both_at_one_terminal(self, engine: FlattenedEngine, entered: list[tuple[str, str]]) -> None:
        engine.then(symbol(), halts=[halted(flattens=True)])
        assert run("BTC/USDT", "--halt", "--as", "ann", "--approver", "bob").exit_code == 0
        assert entered == [("ann", "flatten"), ("bob", "approve_flatten")]
        assert [each.agrees_with for each in engine.flattened[0].words] == [None, "ann"]

    def test_the_second_agrees_with_the_first(
        self, engine: FlattenedEngine, entered: list[tuple[str, str]]
    ) -> None:
        engine.statuses = [{"halts": [halted(flatten_asked_by="ann")], "symbols": [symbol("1")]}]
        engine.then(symbol(), halts=[halted(flattens=True)])
        assert run("BTC/USDT", "--halt", "--as", "bob").exit_code == 0
        assert entered == [("bob", "approve_flatten")]
        [sent] = engine.flattened
        assert (sent.halt_sequence, sent.words) == (3, (Word(principal="bob", agrees_with="ann"),))

    def test_without_a_halt_one_is_enough(
        self, engine: FlattenedEngine, entered: list[tuple[str, str]]
    ) -> None:
        assert run("BTC/USDT", "--as", "ann").exit_code == 0
        assert entered == [("ann", "flatten")]

    def test_where_nobody_is_listed_two_cannot_be_told_apart(self, engine: FlattenedEngine) -> None:
        engine.rule_in_force = Rule(2, Access())
        assert run("BTC/USDT", "--halt").exit_code == ConfigError.exit_code
        assert engine.flattened == []


def test_the_commands_of_both_people() -> None:
    words = (Word(principal="ann", is_request=True), Word(principal="bob", agrees_with="ann"))
    asked = Flatten(key=BTC, halt=True, reason="leaving", words=words)
    said = [(each.action, each.key, each.principal, each.agrees_with) for each in flatten_commands(asked, 5)]
    assert said == [("halt_flatten", BTC, "ann", None), ("approve_flatten", BTC, "bob", "ann")]


def test_the_engine_sends_it_as_the_user_of_its_machine_and_knows_its_symbols() -> None:
    sent: list[Command] = []
    desk = PeopleDesk(Flatten, flatten_commands, sent.append, lambda: 5, lambda: [BTC])
    desk.answer({"key": BTC, "halt": False, "reason": "leaving"}, "ann here")
    assert [(each.action, each.principal, each.event_time_ns) for each in sent] == [
        ("flatten", "ann here", 5)
    ]
    with pytest.raises(ConfigError, match="no symbol is called"):
        desk.answer({"key": "binance:ETH/USDT", "halt": False, "reason": "r"}, "ann here")
    with pytest.raises(ConfigError, match="halt: Field required"):
        desk.answer({"key": BTC, "reason": "r"}, "ann here")
