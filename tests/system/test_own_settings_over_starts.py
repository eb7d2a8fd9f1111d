"""What is changed for one symbol is in force after a kill and in another session, and the log replays."""

from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Maker
from tests.system.live_engine import BASE, Live, live_engine

pytestmark = pytest.mark.slow
BTC = "BTC/USDT"
EDGE, POSITION = (f"per_symbol.{BTC}.{key}" for key in ("pricing.min_edge_bps", "risk_limits.max_position"))
OWN = f"{BASE}/settings?symbol={BTC}"


def setting(found: Any, key: str) -> dict[str, Any]:
    return next(each for each in found["settings"] if each["key"] == key)


def change(live: Live, key: str, value: str) -> str:
    """Sent, and in force; its id."""
    body = {"value": value, "reason": "a test"}
    change_id = str(live.visitor.ask("PUT", f"{BASE}/settings/{key}", body)[0]["command_id"])
    live.until(OWN, lambda found: setting(found, key)["change_id"] == change_id)
    return change_id


def test_a_symbols_values_survive_a_kill_and_another_session(tmp_path: Path, maker: Maker) -> None:
    file, log = tmp_path / "file.yaml", tmp_path / "log"
    file.write_text("market_making: {base_spread: 0.003}\n")
    with live_engine(log, "--config", file) as live:
        live.until(f"{BASE}/active", lambda found: BTC in found["active_symbols"])
        change(live, EDGE, "1.5")
        change(live, POSITION, "40")
    with live_engine(log, "--config", file) as live:
        live.until(OWN, lambda found: setting(found, EDGE)["value"] == "1.5")
        assert setting(live.visitor.get(OWN), POSITION)["value"] == "40"
    file.write_text("market_making: {base_spread: 0.003}\nmodel: {inventory_deviation: 0.25}\n")
    shown = maker("config", "show", "--config", file, "--log", log, "--origin", "--json").json
    assert "changed live by" in shown[POSITION]["origin"]
    with live_engine(log, "--config", file) as live:
        live.until(OWN, lambda found: setting(found, POSITION)["value"] == "40")
        edge = setting(live.visitor.get(OWN), EDGE)
        assert (edge["value"], edge["was"]) == ("1.5", "account")
        body = {"change_id": edge["change_id"], "reason": "it was no better"}
        live.visitor.ask("POST", f"{BASE}/settings/revert", body)
        live.until(OWN, lambda found: not setting(found, EDGE)["is_own"])
    replayed = maker("replay", log, "--json")
    assert (replayed.code, replayed.json["first_divergence"]) == (0, None)
