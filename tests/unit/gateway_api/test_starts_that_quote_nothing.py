"""What a start says where nothing is quoted, and which limits a halt leaves used up."""

import pytest

from schemas.control import SettingChange
from schemas.risk import LimitUse
from tests.unit.gateway_api.conftest import Client, Engine, Messages


@pytest.fixture
def client(trading: Engine, client_of: type[Client]) -> Client:
    return client_of(trading)


@pytest.mark.parametrize("whose", ["btc", "account"])
def test_a_start_under_a_halt_says_that_nothing_is_quoted(
    trading: Engine, client: Client, whose: str, request: pytest.FixtureRequest
) -> None:
    halted: Messages = request.getfixturevalue(whose)
    trading.take(halted.risk(9, "HALT", "MAX_LOSS"))
    answer = client.post("/maker/start", json={"symbol": "BTC/USDT"}).json()
    assert answer["status"] == "started"
    assert "it is halted (MAX_LOSS) and not quoted before a resume" in answer["message"]
    stopped = client.post("/maker/stop?symbol=BTC/USDT").json()
    assert "halted" not in stopped["message"]


def test_a_start_without_a_halt_says_nothing_of_one(client: Client) -> None:
    assert "halted" not in client.post("/maker/start", json={"symbol": "BTC/USDT"}).json()["message"]


@pytest.mark.parametrize(
    ("limit", "below", "used_up", "most", "member"),
    [
        ("position", 0.99, 120.0, 1.0, "position_ok"),
        ("loss", -499.0, -500.0, -500.0, "loss_ok"),
        ("exposure", 2.4, 3.0, 2.5, "exposure_ok"),
        ("drawdown", -0.19, -0.2, -0.2, "drawdown_ok"),
    ],
)
def test_a_limit_used_up_under_a_halt_by_hand_is_not_ok(
    trading: Engine,
    client: Client,
    account: Messages,
    limit: str,
    below: float,
    used_up: float,
    most: float,
    member: str,
) -> None:
    """The reasons of a halt do not name what would only reduce."""

    def status_at(used: float) -> dict[str, bool]:
        use = LimitUse(name=limit, value=used, limit=most, unit="")
        halted = account.risk(9, "HALT", "COMMAND: storm by ann").model_copy(update={"limits": (use,)})
        trading.take(halted)
        found: dict[str, bool] = client.get("/maker/status/BTC/USDT").json()["risk_status"]
        return found

    limits = {"position_ok", "loss_ok", "exposure_ok", "drawdown_ok"}
    assert {name for name, holds in status_at(below).items() if holds} == limits
    assert {name for name, holds in status_at(used_up).items() if holds} == limits - {member}


@pytest.mark.parametrize("path", ["start", "stop"])
def test_a_command_to_an_unknown_symbol_has_the_nearest(client: Client, path: str) -> None:
    answer = client.post(f"/maker/{path}", json={"symbol": "BTCUSDT"})
    document = answer.json()
    assert (answer.status_code, document["detail"]) == (404, "Symbol not found")
    assert "BTC/USDT" in document["hint"]
    assert "?." not in document["hint"]


def test_a_setting_of_a_name_with_its_venue_is_refused(client: Client, trading: Engine) -> None:
    path = "/api/v1/maker/settings"
    change = {"value": "1.5", "reason": "why"}
    answer = client.request("PUT", f"{path}/per_symbol.synthetic:BTC/USDT.pricing.min_edge_bps", json=change)
    assert answer.status_code == 422
    assert "per_symbol.BTC/USDT." in answer.json()["hint"]
    assert client.get(f"{path}?symbol=synthetic:BTC/USDT").status_code == 422
    assert trading.sent(SettingChange) == []
