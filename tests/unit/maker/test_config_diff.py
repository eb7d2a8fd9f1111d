"""`maker config diff` and `show --origin`: what a start would change, and who changed what is in force."""

import asyncio
import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from maker.cli.app import app
from maker.composition import process_definitions
from runtime.config.settings import config_hash, load_config
from runtime.log.logfile import LogFileBus
from runtime.process.session import Start, sources_of
from schemas.config import Config
from schemas.control import SettingChange
from schemas.envelope import Envelope
from schemas.message import Event
from schemas.process import LiveValue, SettingApplied
from schemas.topics import TOPIC_OF
from tests.kit.messages import config_applied

LOSS, SPREAD = "risk_limits.max_loss", "market_making.base_spread"
AT_NS = 1_700_000_000_000_000_000
SOURCES = sources_of(process_definitions())


class Log:
    """A log as `maker up` leaves it, of an engine that ran under a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bus = LogFileBus(folder)
        self._numbers: Iterator[int] = count(1)

    def say(self, message: Event) -> None:
        number = next(self._numbers)
        envelope = Envelope("someone", number, None, message.event_time_ns, message.type_name)
        self._bus.publish(TOPIC_OF[message.type_name], envelope, message)
        self._bus.commit()

    def begin(self, config: Config, *live: LiveValue, sources_hash: str = SOURCES) -> None:
        """A session of a file that says this, with what was changed live before it."""
        self.say(Start(config, sources_hash).begun(AT_NS + next(self._numbers), live))

    def change(self, key: str, value: str, approver: str | None = None, refused: str | None = None) -> None:
        identifier = f"c-{next(self._numbers)}"
        about = {"event_time_ns": AT_NS, "venue": "*", "symbol": "*"}
        self.say(
            SettingChange(
                **about, change_id=identifier, setting_key=key, value=value, requester="ann",
                approver=approver, reason="a quiet night",
            )
        )  # fmt: skip
        self.say(
            SettingApplied(
                event_time_ns=AT_NS, process="risk-service", change_id=identifier, setting_key=key,
                value=value, refused_because=refused,
            )
        )  # fmt: skip

    def close(self) -> None:
        asyncio.run(self._bus.close())


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path / "log")
    yield made
    made.close()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command of `maker config` with a file of that text."""
    monkeypatch.chdir(tmp_path)

    def invoke(command: str, text: str, *arguments: object) -> Result:
        Path("file.yaml").write_text(text or "{}")
        return CliRunner().invoke(app, ["config", command, "--config", "file.yaml", *map(str, arguments)])

    return invoke


def config_of(text: str = "{}") -> Config:
    path = Path("before.yaml")
    path.write_text(text)
    return load_config([path], env={}).config


def diff(run: Callable[..., Result], log: Log, text: str) -> tuple[int, dict[str, Any]]:
    done = run("diff", text, "--log", log.folder, "--json")
    assert done.exit_code in {0, 1}, done.output
    return done.exit_code, json.loads(done.stdout)


def test_the_same_file_and_code_differ_in_nothing(run: Callable[..., Result], log: Log) -> None:
    log.begin(config_of())
    code, found = diff(run, log, "")
    assert code == 0
    assert found == {
        "log": str(log.folder),
        "keys": [],
        "live": [],
        "symbols": {"come": [], "go": []},
        "code": None,
        "begins_session": False,
    }
    assert "would resume the session" in run("diff", "", "--log", log.folder).stdout


def test_keys_are_named_with_both_values_and_what_they_need(run: Callable[..., Result], log: Log) -> None:
    log.begin(config_of())
    text = "reporting: {capital: 5}\nmarket_making: {base_spread: 0.004}\ngateway: {port: 9000}"
    code, found = diff(run, log, text)
    assert code == 1
    assert {each["key"]: (each["old"], each["new"], each["kind"]) for each in found["keys"]} == {
        SPREAD: (0.002, 0.004, "live"),
        "reporting.capital": ("1000000", "5", "restart"),
        "gateway.port": (8080, 9000, "deployment"),
    }
    assert found["begins_session"] is True
    told = run("diff", text, "--log", log.folder)
    assert told.exit_code == 1
    assert " ".join(told.stdout.splitlines()[0].split()) == f"{SPREAD} 0.002 -> 0.004 (live)"
    assert "would begin a new session" in told.stdout.splitlines()[-1]


def test_where_it_runs_begins_no_session(run: Callable[..., Result], log: Log) -> None:
    log.begin(config_of())
    code, found = diff(run, log, "gateway: {port: 9000}")
    assert (code, found["begins_session"]) == (1, False)


def test_what_was_changed_live_stays_where_the_file_did_not_change(
    run: Callable[..., Result], log: Log
) -> None:
    log.begin(config_of())
    log.change(LOSS, "-400")
    log.change(SPREAD, "0.003")
    log.change(SPREAD, "0.9", refused="it is too wide")
    code, found = diff(run, log, "market_making: {base_spread: 0.004}")
    assert code == 1
    assert found["live"] == [
        {"setting_key": LOSS, "value": "-400", "file_value": "-500", "stays": True, "because": None},
        {
            "setting_key": SPREAD,
            "value": "0.003",
            "file_value": "0.002",
            "stays": False,
            "because": "the file changed from 0.002 to 0.004",
        },
    ]
    assert diff(run, log, "")[0] == 0, "what stays is no difference"


def test_a_value_of_an_earlier_session_is_measured_by_the_file_of_then(
    run: Callable[..., Result], log: Log
) -> None:
    log.begin(config_of())
    log.change(LOSS, "-400")
    log.begin(
        config_of("reporting: {capital: 5}"), LiveValue(setting_key=LOSS, value="-400", file_value="-500")
    )
    code, found = diff(run, log, "reporting: {capital: 5}")
    assert (code, found["keys"]) == (0, [])
    assert [each["stays"] for each in found["live"]] == [True]


def test_other_code_begins_a_session(run: Callable[..., Result], log: Log) -> None:
    log.begin(config_of(), sources_hash="another")
    code, found = diff(run, log, "")
    assert (code, found["begins_session"]) == (1, True)
    assert found["code"].keys() == {"old", "new"}


def test_symbols_come_and_go(run: Callable[..., Result], log: Log) -> None:
    def trading(*symbols: str) -> str:
        return f"feed: {{kind: live}}\nexchange: {{id: kraken, symbols: [{', '.join(symbols)}]}}"

    log.begin(config_of(trading("BTC/USD", "ETH/USD")))
    _, found = diff(run, log, trading("ETH/USD", "SOL/USD"))
    assert found["symbols"] == {"come": ["SOL/USD"], "go": ["BTC/USD"]}


def test_a_log_of_before_there_were_sessions_is_read(run: Callable[..., Result], log: Log) -> None:
    config = config_of()
    log.say(
        config_applied(config, "risk-service", code_version="0", config_hash=config_hash(config), time_ns=1)
    )
    code, found = diff(run, log, "")
    assert (code, found["keys"], found["begins_session"]) == (1, [], True)


def test_without_a_log_the_remedy_is_said(run: Callable[..., Result], tmp_path: Path) -> None:
    assert "give its folder with --log" in run("diff", "").output
    assert run("diff", "").exit_code == 2
    (tmp_path / "empty").mkdir()
    done = run("diff", "", "--log", tmp_path / "empty")
    assert (done.exit_code, "holds no topic log" in done.output) == (2, True)


def test_a_log_in_which_nothing_began_is_no_obstacle(run: Callable[..., Result], log: Log) -> None:
    """A start that failed leaves one."""
    done = run("diff", "", "--log", log.folder)
    assert (done.exit_code, "would begin its first one" in done.output) == (2, True)
    assert json.loads(run("show", "", "--json", "--log", log.folder).stdout)[LOSS] == "-500"


def test_show_says_who_changed_what_is_in_force(run: Callable[..., Result], log: Log) -> None:
    log.begin(config_of())
    log.change(LOSS, "-600", approver="bob")
    done = run("show", "", "--origin", "--json", "--log", log.folder)
    shown = json.loads(done.stdout)
    assert shown[LOSS]["value"] == "-600"
    assert shown[LOSS]["origin"] == (
        "changed live by ann, bob agreed at 2023-11-14T22:13:20.000000000Z: a quiet night; the file says -500"
    )
    assert shown[SPREAD]["origin"] == "default"


def test_show_says_what_was_changed_live_and_is_no_longer_in_force(
    run: Callable[..., Result], log: Log
) -> None:
    log.begin(config_of())
    log.change(LOSS, "-400")
    text = "risk_limits: {max_loss: -300}"
    done = run("show", text, "--origin", "--json", "--log", log.folder)
    assert json.loads(done.stdout)[LOSS] == {"value": "-300", "origin": "file.yaml"}
    assert (
        f"{LOSS} was changed live to -400, which no longer applies: the file changed from -500 to -300"
        in done.stderr
    )


def test_show_looks_into_the_folder_that_a_start_would_go_on_with(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    """And needs none: a configuration can be shown anywhere."""
    text = "feed: {kind: live}\nexchange: {id: kraken, symbols: [BTC/USD]}"
    assert json.loads(run("show", text, "--json").stdout)[LOSS] == "-500"
    standing = Log(tmp_path / "runs" / "paper-kraken")
    standing.begin(config_of(text))
    standing.change(LOSS, "-400")
    standing.close()
    assert json.loads(run("show", text, "--json").stdout)[LOSS] == "-400"
    elsewhere = f"{text.replace('symbols', 'api_key_file: nowhere, symbols')}\nvenue: {{kind: ccxt}}"
    caps = "exchange: {url: 'http://127.0.0.1:1', "
    assert run("show", elsewhere.replace("exchange: {", caps), "--json").exit_code == 0
