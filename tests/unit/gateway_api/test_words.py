"""What people write: refused where it would be taken for more than words, escaped wherever it is shown."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from gateway_api.access.users import User
from gateway_api.access.visibility import ALL_OF_IT
from gateway_api.history.exporting import file_of
from hypothesis import given
from hypothesis import strategies as st
from monitor_service.feeds.recorded_lines import _unnamed
from pydantic import ValidationError

from runtime.log.logfile import LogFileBus
from runtime.process.definition import HistorySource
from schemas.control import AccessEvent, Command
from schemas.deployment import ExchangeSettings
from schemas.envelope import Envelope
from schemas.names import shown
from schemas.topics import TOPIC_OF
from tests.unit.gateway_api.conftest import Client, Engine, Messages
from tests.unit.gateway_api.past import calls_of

API = "/api/v1"
FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "-cmd|' /C calc'!A0",
    "\uff1d1",
    "+",
    "-",
)
NUMBERS = ("-1.5000", "-1", "+2", "0.0001", "1e-7", "-.5", "12.", "1_0")
STRANGE = ("\x1b[2J", "a\nb", "a\rb", "\x00", "\x9b31m", "a\u202eb", "a\u2066b", "a\u2028b", "\x7f")


def cell_of(value: object) -> str:
    text = file_of(("value",), [[value]], "csv").decode()
    return list(csv.reader(io.StringIO(text, newline="")))[1][0]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_file_is_a_formula(text: str) -> None:
    assert cell_of(text).startswith("'")


@pytest.mark.parametrize("number", [*NUMBERS, -1.5, -3, 1e-7])
def test_numbers_stay_numbers(number: float | str) -> None:
    assert cell_of(number) == str(number)


@pytest.mark.parametrize("text", STRANGE)
def test_control_characters_are_written_out_in_a_file(text: str) -> None:
    assert cell_of(f"x{text}") == f"x{shown(text)}"
    assert shown(text).isprintable()


@given(st.text())
def test_no_text_makes_a_cell_that_a_spreadsheet_computes(text: str) -> None:
    cell = cell_of(text)
    number = cell.lstrip("+-").replace(".", "", 1)
    assert cell.strip(" ")[:1] not in {*"=+-@\t\r\n"} or number[:1].isdigit()
    assert not any(each in cell for each in STRANGE if len(each) == 1)


def test_what_stands_in_an_old_log_is_shown_escaped(tmp_path: Path, btc: Messages) -> None:
    """Before reasons had a pattern, anything could be in them."""
    bus = LogFileBus(tmp_path)
    said = (
        Command(**btc.at(1), command_id="c", action="halt", principal="=ann\n", reason="\x1b[2J=1+1"),
        AccessEvent(**btc.at(2), kind="denied", principal="\t=eve", address="\u202e1.2.3.4", detail="@x"),
    )
    for number, event in enumerate(said):
        envelope = Envelope("p", number, None, event.event_time_ns, event.type_name)
        bus.publish(TOPIC_OF[event.type_name], envelope, event)
    bus.commit()
    rows = calls_of(HistorySource(log_dir=tmp_path)).audit(ALL_OF_IT, 0, 1 << 62, 10, None)["rows"]
    assert [row["principal"] for row in rows] == ["=ann\\n", "\\t=eve"]
    assert [row["reason"] for row in rows] == ["\\x1b[2J=1+1", "@x from \\u202e1.2.3.4"]
    text = file_of(("principal", "reason"), [[row["principal"], row["reason"]] for row in rows], "csv")
    assert list(csv.reader(io.StringIO(text.decode())))[1:] == [
        ["'=ann\\n", "\\x1b[2J=1+1"],
        ["\\t=eve", "'@x from \\u202e1.2.3.4"],
    ]


@pytest.mark.parametrize("text", STRANGE)
@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/maker/stop", {"symbol": "BTC/USDT"}, "reason"),
        ("POST", "/maker/risk/halt", {"symbol": "*"}, "reason"),
        ("POST", "/maker/risk/resume", {"symbol": "*"}, "reason"),
        ("PUT", "/maker/settings/market_making.base_spread", {"value": "0.003"}, "reason"),
        ("POST", "/maker/proposals/p/approve", {}, "reason"),
        ("POST", "/maker/risk/alerts/a/ack", {}, "note"),
        ("POST", "/session", {"password": "x"}, "name"),
    ],
)
def test_control_characters_are_refused(
    trading: Engine,
    client_of: type[Client],
    method: str,
    path: str,
    body: dict[str, Any],
    field: str,
    text: str,
) -> None:
    answer = client_of(trading).request(method, API + path, json=body | {field: f"x{text}y"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert field in answer.json()["detail"]
    assert trading.commands == []


@pytest.mark.parametrize(
    "reason", ["", " ", "\u2003", "\u200d", "\u200b", "a\u00adb", "a\U000e0041b", "x" * 1_001]
)
def test_a_reason_says_something_and_not_too_much(
    trading: Engine, client_of: type[Client], reason: str
) -> None:
    answer = client_of(trading).post(f"{API}/maker/risk/halt", json={"symbol": "*", "reason": reason})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/maker/risk/halt", '{"symbol": "BTC/USDT", "reason": "a", "symbol": "*"}'),
        ("PUT", "/maker/settings/market_making.base_spread", '{"value": "0.003", "value": "0.004"}'),
        ("POST", "/maker/settings/preview", '{"key": "a", "key": "b", "value": "1", "symbol": "BTC/USDT"}'),
    ],
)
def test_a_body_that_says_a_key_twice_is_refused(
    trading: Engine, client_of: type[Client], method: str, path: str, body: str
) -> None:
    answer = client_of(trading).request(
        method, f"{API}{path}", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert "is repeated" in answer.json()["detail"]
    assert trading.commands == []


def test_words_of_any_language_are_words(trading: Engine, client_of: type[Client]) -> None:
    for reason in ("Größe über Limit", "価格が変", 'it\'s "late"; stop'):
        answer = client_of(trading).post(f"{API}/maker/risk/halt", json={"symbol": "*", "reason": reason})
        assert answer.status_code == 202


@pytest.mark.parametrize("text", [*STRANGE, "x" * 65])
def test_no_symbol_is_called_so(text: str) -> None:
    with pytest.raises(ValidationError, match="symbols"):
        ExchangeSettings(symbols=(f"a{text}",))
    event = {"type": "trade", "venue": "v", "symbol": f"a{text}"}
    assert "is not a name" in str(_unnamed(event))
    with pytest.raises(ValidationError, match="scope"):
        User(name="ann", roles=("viewer",), scope=(f"v:a{text}{text}",))


def test_a_password_that_was_sent_is_not_sent_back(trading: Engine, client_of: type[Client]) -> None:
    client = client_of(trading)
    secret = "correct horse battery"
    for body in (
        {"name": "ann", "password": [secret]},
        {"name": "ann", "password": secret * 100},
        {"name": "ann", "code": "c", "password": secret},
        {"name": ["x"], "password": secret},
        [secret],
    ):
        answer = client.post(f"{API}/session", json=body)
        assert answer.status_code == 422
        assert secret not in answer.text
