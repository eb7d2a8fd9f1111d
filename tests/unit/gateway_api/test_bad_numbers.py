"""Numbers, times and lengths that nobody can mean are the client's fault, and cost the server nothing."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import ConfigError
from runtime.log.slices import log_records
from runtime.text import parse_time_ns
from schemas.control import Proposal, ProposedOrder
from schemas.units import order_units
from tests.unit.gateway_api.conftest import Client, Engine

API = "/api/v1"
KEY = "symbol=BTC/USDT"
OVERRIDE = {
    "symbol": "BTC/USDT",
    "side": "buy",
    "price": "99.9",
    "size": "1",
    "codes": ["MAX_VALUE"],
    "valid_s": 60,
    "reason": "agreed by phone",
}
NO_TIMES = (
    "xx",
    "9" * 5_000,
    "9" * 40,
    "9" * 20,
    "-999999999999d",
    "-" + "9" * 30 + "d",
    "1969-12-31T23:59:59Z",
    "0001-01-01",
    "9999-12-31T23:59:59Z",
    "\u0661" * 19,
    "1e30",
    "",
    "NaN",
)


@pytest.fixture(scope="module")
def trading(trading_engine: Callable[[], Engine]) -> Engine:
    """One for all: nothing of this is taken."""
    return trading_engine()


@pytest.fixture(scope="module")
def client(client_of: type[Client], trading: Engine) -> Client:
    return client_of(trading)


@pytest.mark.parametrize(
    "path",
    [
        "/history/fills?from={}",
        "/history/events?to={}",
        "/history/series?kind=pnl&from={}",
        f"/history/chain?event_id=p:1&{KEY}&at={{}}",
        f"/history/state?{KEY}&at={{}}",
        "/audit?from={}",
    ],
)
@pytest.mark.parametrize("text", [each for each in NO_TIMES if each], ids=lambda text: text[:12])
def test_what_is_no_time_is_refused(client: Client, path: str, text: str) -> None:
    answer = client.get(API + path.format(text))
    assert answer.status_code == 422, answer.text
    assert len(answer.text) < 1_000


@pytest.mark.parametrize("field", ["from", "to"])
@pytest.mark.parametrize("text", NO_TIMES, ids=lambda text: text[:12])
def test_a_check_of_no_time_is_refused(client: Client, field: str, text: str) -> None:
    answer = client.post(f"{API}/replay/check", json={field: text})
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    "fields",
    [
        {"price": "0"},
        {"price": "0.0"},
        {"size": "0"},
        {"price": "1" + "0" * 31},
        {"size": "9" * 32},
        {"price": "1e5"},
        {"codes": ["X" * 60_000]},
        {"codes": ["MAX_VALUE"] * 17},
        {"codes": [""]},
        {"codes": ["a\nb"]},
        {"reason": "r" * 1_001},
        {"valid_s": 10**32},
    ],
    ids=lambda fields: str(fields)[:24],
)
def test_an_order_that_nobody_can_mean_is_not_proposed(
    client: Client, trading: Engine, fields: dict[str, Any]
) -> None:
    answer = client.post(f"{API}/maker/overrides", json={**OVERRIDE, **fields})
    assert answer.status_code == 422, answer.text
    assert len(answer.text) < 1_000
    assert trading.commands == []


def test_an_order_that_somebody_means_is_proposed(client: Client, trading: Engine) -> None:
    assert client.post(f"{API}/maker/overrides", json=OVERRIDE).status_code == 202
    subjects = [each.subject for each in trading.sent(Proposal)]
    sent = [each.size_lots for each in subjects if isinstance(each, ProposedOrder)]
    trading.commands.clear()
    assert sent == [order_units(Decimal(1), Decimal("0.001"))]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pricing.order_notional_max", "1e999999"),
        ("inventory.max_inventory", "1e-999999"),
        ("market_making.base_spread", "1e-999999"),
        ("market_making.volatility_multiplier", "1e308"),
        ("inventory.target_inventory", "9" * 64),
        ("risk_limits.max_drawdown", "-1e-400"),
        ("shape.levels", "9" * 40),
        ("risk_limits.max_loss", "NaN"),
        ("pricing.min_spread_bps", "Infinity"),
        ("pricing.min_spread_bps", "5e-324"),
        ("pricing.depth_fraction", "0x1"),
    ],
)
def test_a_setting_beyond_its_bounds_is_refused_and_named(
    client: Client, trading: Engine, key: str, value: str
) -> None:
    answer = client.request("PUT", f"{API}/maker/settings/{key}", json={"value": value, "reason": "r"})
    assert answer.status_code == 422, answer.text
    assert key in answer.json()["detail"]
    assert value[:40] in answer.json()["detail"]
    assert trading.commands == []


@pytest.mark.parametrize("number", ["9" * 5_000, "\u0661", "-1", "x"])
def test_a_cursor_of_no_offset_is_refused(tmp_path: Path, number: str) -> None:
    (tmp_path / f"{0:020d}.log").write_bytes(b"")
    with pytest.raises(ConfigError, match="is not a cursor"):
        list(log_records(tmp_path, frozenset(), 0, 1, f"{0:020d}:{number}"))


@pytest.mark.parametrize("length", ["9" * 5_000, "-1", "1e3", "1_0"])
def test_a_length_that_is_none_is_refused(client: Client, length: str) -> None:
    answer = client.post(f"{API}/maker/stop", headers={"content-length": length})
    assert answer.status_code == 413


def test_a_failure_of_ours_has_the_security_headers(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("gateway_api.app.reading_routes.account_of", fails)
    answers = [client.get(API + path) for path in ("/maker/status", "/maker/active", "/maker/risk/alerts")]
    failed = next(each for each in answers if each.status_code == 500)
    sound = client.get("/health/live")
    assert failed.json()["code"] == "unexpected_error"
    assert "secret" not in failed.text
    for name in ("content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"):
        assert failed.headers[name] == sound.headers[name]
    assert failed.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [("1970-01-01", 0), ("-1s", 10**18 - 10**9), ("2262-01-01T00:00:00Z", 9_214_646_400 * 10**9)],
)
def test_times_from_1970_to_2262_are_times(text: str, time_ns: int) -> None:
    assert parse_time_ns(text, 10**18) == time_ns
