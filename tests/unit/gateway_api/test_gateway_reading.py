"""What the application answers to GET: figures, symbols as people write them, errors."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from gateway_api.app.numbers import amount_text

from schemas.message import Event
from tests.unit.gateway_api.conftest import START_S, Client, Engine, Messages
from tests.unit.gateway_api.projector_sessions import begins, over_the_border

API = "/api/v1"
SWAP = "BTC/USDT:USDT"


@pytest.fixture
def client(trading: Engine, client_of: type[Client]) -> Client:
    return client_of(trading)


def problem(response: httpx.Response, status: int, code: str) -> Any:
    """The checked problem document of an answer."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert set(document) == {"type", "title", "status", "detail", "code", "hint", "instance"}
    assert (document["status"], document["code"]) == (status, code)
    assert document["type"].endswith(code)
    assert document["instance"] == response.request.url.path
    return document


def test_status_shows_exact_decimals_and_the_age_of_its_data(client: Client) -> None:
    status = client.get(f"{API}/maker/status/BTC/USDT").json()

    assert (status["symbol"], status["venue"], status["state"]) == ("BTC/USDT", "synthetic", "QUOTING")
    assert status["market"]["bid"] == "99.99"
    assert status["market"]["ask_size"] == "4.000"
    assert status["market"]["mid"] == "100.00"
    assert status["market"]["spread_bps"] == 2.0
    assert status["bid"]["quote"] == {
        "price": "99.90",
        "size": "2.000",
        "distance_bps": -10.0,
        "status": "live",
    }
    assert status["ask"]["quote"]["distance_bps"] == 10.0
    assert status["position"]["position"] == "2.000"
    assert status["position"]["notional"] == "200.0000"
    assert status["profit"]["total"] == "1.68002"
    assert status["features"]["volatility_bps"] == 0.6
    assert status["age_ms"] == 2_000.0
    assert status["event_time"] == "2023-11-14T22:13:28.000000000Z"


NO_BUY = ("cancelled", "cancelled", "buy")
NO_SELL = ("cancelled", "cancelled", "sell")
DENIED = ("denied", "denied", "buy")


@pytest.mark.parametrize(
    ("events", "seen"),
    [
        (lambda b, a: [b.target(9, bid=None), b.order(9, *NO_BUY)], ("ONE_SIDE", "INVENTORY_FULL")),
        (lambda b, a: [b.order(9, *NO_BUY)], ("ONE_SIDE", "filled: the next quote follows")),
        (lambda b, a: [b.target(9), b.order(9, *NO_BUY)], ("ONE_SIDE", "no order at the venue")),
        (lambda b, a: [b.order(9, "place_intent", "pending_new", "buy")], ("ONE_SIDE", "order on its way")),
        (
            lambda b, a: [b.order(9, *NO_BUY), b.order(9, *DENIED, reasons=("MMP_FROZEN",))],
            ("ONE_SIDE", "held back: MMP_FROZEN"),
        ),
        (
            lambda b, a: [b.target(9), b.order(9, *NO_BUY), b.order(9, *NO_SELL)],
            ("NOT_QUOTING", "no order at the venue"),
        ),
        (lambda b, a: [b.book(9, status="stale")], ("NO_MARKET", None)),
        (lambda b, a: [b.risk(9, "REDUCE_ONLY", "LOSS")], ("REDUCE_ONLY", None)),
        (lambda b, a: [a.risk(9, "REDUCE_ONLY", "EXPOSURE")], ("REDUCE_ONLY", None)),
        (lambda b, a: [b.command(9, "stop", "x"), b.order(9, *NO_BUY)], ("STOPPED", "stopped by command")),
        (lambda b, a: [a.risk(9, "HALT", "DRAWDOWN"), b.order(9, *NO_BUY)], ("HALTED", "halted: DRAWDOWN")),
    ],
)
def test_state_and_reason(
    trading: Engine,
    client: Client,
    events: Callable[[Messages, Messages], list[Event]],
    seen: tuple[str, ...],
    request: pytest.FixtureRequest,
) -> None:
    trading.take(*events(request.getfixturevalue("btc"), request.getfixturevalue("account")))
    status = client.get(f"{API}/maker/status/BTC/USDT").json()
    assert (status["state"], status["bid"]["reason"]) == seen


def test_the_worse_of_the_symbols_and_the_accounts_risk_is_in_force(
    trading: Engine, btc: Messages, account: Messages, client_of: type[Client]
) -> None:
    trading.take(btc.risk(9, "HALT", "LOSS", halt_sequence=4), account.risk(9, "REDUCE_ONLY", "EXPOSURE"))
    risk = client_of(trading).get(f"{API}/maker/status/BTC/USDT").json()["risk"]
    assert (risk["state"], risk["reasons"], risk["halt_sequence"]) == ("HALT", ["LOSS", "EXPOSURE"], 4)


def test_a_symbol_of_which_little_is_known_has_a_status(
    engine: Engine, btc: Messages, client_of: type[Client]
) -> None:
    engine.take(btc.book(1))
    status = client_of(engine).get(f"{API}/maker/status/BTC/USDT").json()
    assert status["state"] == "WAITING"
    assert (status["market"], status["position"], status["bid"]["reason"]) == (None, None, "no quote yet")


def test_active_lists_the_makers_and_the_stopped(
    trading: Engine, btc: Messages, messages_of: Callable[..., Messages], client_of: type[Client]
) -> None:
    eth = messages_of("ETH/USDT")
    trading.take(eth.instrument(), eth.command(9, "stop", "x"))
    active = client_of(trading).get(f"{API}/maker/active").json()
    assert (active["active_symbols"], active["total_count"], active["count"]) == (["BTC/USDT"], 1, 1)
    assert active["makers"] == [
        {"symbol": "BTC/USDT", "venue": "synthetic", "state": "QUOTING", "bid": "99.90", "ask": "100.10"}
    ]
    assert active["stopped"] == [{"symbol": "ETH/USDT", "venue": "synthetic"}]


def test_performance_has_the_named_figures_with_their_units(
    trading: Engine, btc: Messages, client_of: type[Client]
) -> None:
    trading.take(btc.order(9, "filled", "filled", "buy", 9_990, filled_lots=2_000))
    trading.take(btc.order(9, "cancelled", "cancelled", "sell", 10_010))
    client = client_of(trading)

    figures = client.get(f"{API}/maker/performance/BTC/USDT").json()

    assert (figures["totalPnL"], figures["pnl"]["total"]) == (1.68002, "1.68002")
    assert figures["totalTrades"] == 1
    assert figures["avgSpread"] == 20.0
    assert figures["fillRate"] == 0.5
    # 199.8 traded; 200 held for 5 of 8 seconds is 125 on average
    assert figures["inventoryTurnover"] == pytest.approx(199.8 / 125)
    assert figures["twoSidedShare"] == pytest.approx(7 / 8)
    assert figures["pnl"]["capture"] == "1.2000"
    assert figures["units"]["totalPnL"] == "USDT"
    assert set(figures["units"]) >= {"avgSpread", "fillRate", "inventoryTurnover", "totalTrades"}


def test_performance_before_anything_happened_is_in_numbers(
    engine: Engine, btc: Messages, client_of: type[Client]
) -> None:
    engine.take(btc.instrument(), btc.book(1))
    figures = client_of(engine).get(f"{API}/maker/performance/BTC/USDT").json()
    assert [figures[name] for name in ("avgSpread", "fillRate", "inventoryTurnover")] == [0.0] * 3
    assert (figures["totalPnL"], figures["totalTrades"], figures["pnl"]["total"]) == (0.0, 0, "0.0000")


def test_money_has_no_negative_zero_and_small_ticks_no_exponent(
    trading: Engine, btc: Messages, client: Client
) -> None:
    trading.take(btc.position(9, pnl=Decimal("-0.00")))
    tiny = btc.instrument(9).model_copy(update={"tick_size": Decimal("0.00000001")})
    trading.take(tiny)
    status = client.get(f"{API}/maker/status/BTC/USDT").json()
    assert (status["profit"]["total"], str(status["pnl"])) == ("0.0000", "0.0")
    assert status["market"]["bid"] == "0.00009999"
    assert client.get(f"{API}/maker/why/BTC/USDT").json()["bid"]["price"] == "0.00009990"


def test_alerts_come_newest_first_and_by_severity(
    trading: Engine, btc: Messages, client_of: type[Client]
) -> None:
    for number, severity in enumerate(("info", "critical", "warning")):
        trading.take(btc.alert(number, severity, number))
    client = client_of(trading)

    def ids(**query: Any) -> list[str]:
        return [
            alert["alert_id"]
            for alert in client.get(f"{API}/maker/risk/alerts", params=query).json()["alerts"]
        ]

    assert ids() == ["risk-2", "risk-1", "risk-0"]
    assert ids(limit=1) == ["risk-2"]
    assert ids(severity="critical") == ["risk-1"]
    problem(client.get(f"{API}/maker/risk/alerts?severity=bad"), 422, "invalid_request")


def test_why_shows_the_steps_of_the_newest_target(client: Client) -> None:
    why = client.get(f"{API}/maker/why/BTC/USDT").json()
    assert why["bid"]["price"] == "99.90"
    assert [step["name"] for step in why["bid"]["steps"]] == ["fair_value", "base_half_spread"]
    assert why["bid"]["steps"][1]["effect_bps"] == -10.0
    assert why["bid"]["steps"][1]["price_after"] == pytest.approx(99.9)
    assert why["ask"]["size"] == "2.000"
    assert (why["sequence"], why["expired"]) == (3, True)


@pytest.mark.parametrize("kind", ["accepted", "amended"])
def test_why_ends_with_the_gates_word_until_it_lets_an_order_pass(
    trading: Engine, btc: Messages, client_of: type[Client], kind: str
) -> None:
    def gate() -> tuple[str | None, str | None]:
        why = client_of(trading).get(f"{API}/maker/why/BTC/USDT").json()
        return why["bid"]["gate"], why["ask"]["gate"]

    trading.take(btc.order(9, *DENIED, reasons=("POS_LIMIT", "EXPOSURE")))
    assert gate() == ("denied: POS_LIMIT, EXPOSURE", None)
    trading.take(btc.order(10, kind, "live", "buy"))
    assert gate() == (None, None)


def test_why_of_a_side_that_is_not_quoted_says_so(
    trading: Engine, btc: Messages, client_of: type[Client]
) -> None:
    trading.take(btc.target(9, bid=None))
    why = client_of(trading).get(f"{API}/maker/why/BTC/USDT").json()
    assert (why["bid"]["price"], why["bid"]["not_quoting_because"]) == (None, "INVENTORY_FULL")
    assert why["expired"] is False


def test_why_before_the_first_quote_is_a_problem(
    engine: Engine, btc: Messages, client_of: type[Client]
) -> None:
    engine.take(btc.instrument())
    problem(client_of(engine).get(f"{API}/maker/why/BTC/USDT"), 404, "no_quote_yet")


@pytest.mark.parametrize("form", [SWAP, quote(SWAP), quote(SWAP, safe=""), "synthetic:" + SWAP])
@pytest.mark.parametrize("path", ["status", "performance", "why"])
def test_symbols_in_urls_raw_or_encoded(
    engine: Engine, messages_of: Callable[..., Messages], form: str, path: str, client_of: type[Client]
) -> None:
    swap = messages_of(SWAP)
    engine.take(swap.instrument(), swap.book(1), swap.target(1))
    answer = client_of(engine).get(f"{API}/maker/{path}/{form}")
    assert answer.status_code == 200
    assert answer.json()["symbol"] == SWAP


def test_an_unknown_symbol_names_the_nearest(client: Client) -> None:
    document = problem(client.get(f"{API}/maker/status/btc/usd"), 404, "unknown_symbol")
    assert document["detail"] == "Symbol not found"
    assert document["hint"] == "btc/usd is not known. Nearest: BTC/USDT."
    assert "active" in problem(client.get(f"{API}/maker/status/Q"), 404, "unknown_symbol")["hint"]


def test_a_symbol_of_two_venues_needs_the_venue(
    trading: Engine, messages_of: Callable[..., Messages], client_of: type[Client]
) -> None:
    other = messages_of("BTC/USDT", "other")
    trading.take(other.instrument(), other.book(1, 5_000, 5_001))
    client = client_of(trading)
    document = problem(client.get(f"{API}/maker/status/BTC/USDT"), 409, "ambiguous_symbol")
    assert "other" in document["detail"]
    assert client.get(f"{API}/maker/status/BTC/USDT?venue=other").json()["market"]["bid"] == "50.00"
    problem(client.get(f"{API}/maker/status/BTC/USDT?venue=third"), 404, "unknown_symbol")


def test_health_and_metrics_at_the_root_and_under_the_api(client: Client, engine: Engine) -> None:
    for prefix in ("", API):
        assert client.get(f"{prefix}/health/live").json() == {"status": "alive", "version": "0.1.0"}
        assert client.get(f"{prefix}/health/ready").json()["symbols"] == 1
        metrics = client.get(f"{prefix}/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        assert "# TYPE" in metrics.text


def test_not_ready_before_the_first_view(engine: Engine, client_of: type[Client]) -> None:
    client = client_of(engine)
    document = problem(client.get("/health/ready"), 503, "not_ready")
    assert "account" in document["detail"]
    assert client.get("/health/live").status_code == 200
    assert client.get(f"{API}/maker/active").json()["count"] == 0


def test_unknown_paths_and_methods_are_problems(client: Client) -> None:
    problem(client.get(f"{API}/nothing"), 404, "no_such_path")
    document = problem(client.request("DELETE", f"{API}/maker/active"), 405, "method_not_allowed")
    assert "DELETE" in document["detail"]


def test_a_failure_inside_shows_no_stack(trading: Engine, client_of: type[Client]) -> None:
    trading.store.put({"symbol/synthetic:BTC/USDT": b"not json, and a secret"})
    client = client_of(trading)
    answer = client.get(f"{API}/maker/status/BTC/USDT")
    problem(answer, 500, "unexpected_error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/", "/app.js", f"{API}/maker/active", f"{API}/nothing", "/health/live"])
def test_security_headers_are_on_every_answer(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_and_its_parts_are_served_and_point_nowhere_else(client: Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for name in ("app.js", "app.css"):
        assert name in page.text
        assert client.get(f"/{name}").status_code == 200
    assert "//" not in page.text.replace("http://www.w3.org/2000/svg", "")


def test_openapi_names_the_answers(client: Client) -> None:
    document = client.get(f"{API}/openapi.json").json()
    performance = document["components"]["schemas"]["PerformanceResponse"]["properties"]
    assert {"totalPnL", "totalTrades", "avgSpread", "fillRate", "inventoryTurnover"} <= set(performance)
    paths = document["paths"]
    assert set(paths[f"{API}/maker/risk/halt"]["post"]["responses"]) == {
        "202",
        "401",
        "403",
        "404",
        "409",
        "413",
        "422",
        "429",
        "503",
    }
    problem_schema = paths[f"{API}/maker/status/{{symbol}}"]["get"]["responses"]["404"]["content"]
    assert "Problem" in str(problem_schema)


def test_fees_without_a_rate_are_named_beside_the_figures_that_lack_them(
    engine: Engine, btc: Messages, client_of: type[Client]
) -> None:
    fees = ({"currency": "BNB", "amount": Decimal("0.0036")},)
    engine.take(btc.instrument(), btc.book(1), btc.position(2, open_fees=fees))
    client = client_of(engine)
    assert client.get(f"{API}/maker/status/BTC/USDT").json()["profit"]["open_fees"] == ["0.0036 BNB"]
    assert client.get(f"{API}/maker/performance/BTC/USDT").json()["pnl"]["open_fees"] == ["0.0036 BNB"]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.00001245", "0.00001245"),
        ("0.0036000", "0.0036"),
        ("-0.000000001", "0"),
        ("-12", "-12"),
        ("0", "0"),
    ],
)
def test_an_amount_of_a_dear_currency_keeps_its_digits(amount: str, text: str) -> None:
    assert amount_text(Decimal(amount)) == text


def test_what_is_quoted_no_more_stays_with_its_ledger_and_the_age_of_its_mark(
    trading: Engine, client_of: type[Client], btc: Messages
) -> None:
    """The session after: the market says nothing any more."""
    trading.take(btc.signal(9).model_copy(update={"mid_half_ticks": 20_010}))
    trading.take(*(btc.order(9, "cancelled", "cancelled", side) for side in ("buy", "sell")))
    fed: list[Event] = [btc.instrument(), btc.position(2)]
    trading.core = over_the_border(trading.core, fed, begins(3_600))
    trading.take()
    client = client_of(trading)
    status = client.get(f"{API}/maker/status/BTC/USDT").json()
    assert (status["state"], status["bid"]["reason"], status["market"]) == ("NOT_QUOTED", "not quoted", None)
    held = status["position"]
    assert (held["position"], held["mark"]) == ("2.000", "100.05")
    assert held["marked_ms"] == (START_S + 9) * 1_000
    assert (status["profit"]["total"], status["profit"]["session"]) == ("1.78002", "0.0000")
    figures = client.get(f"{API}/maker/performance/BTC/USDT").json()
    assert [figures["pnl"][name] for name in ("total", "session", "day")] == ["1.78002", "0.0000", "1.78002"]
    trading.take(btc.book(3_601))
    assert client.get(f"{API}/maker/status/BTC/USDT").json()["state"] != "NOT_QUOTED"
