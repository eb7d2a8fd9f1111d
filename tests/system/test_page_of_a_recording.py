"""The page of a recording: its time is the recording's, and it stays when the recording has ended."""

import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.servers.local import PATIENCE_S
from tests.system.live_engine import BASE, live_engine

pytestmark = pytest.mark.slow
BEGAN_S = 1_400_000_000
LASTS_S = 40


def recording(folder: Path) -> Path:
    """A book a second, in 2014."""
    path = folder / "recording.jsonl"
    lines = [
        {
            "ts": BEGAN_S + second,
            "ets": None,
            "venue": "bitstamp",
            "symbol": "BTC/USD",
            "type": "book",
            "snapshot": True,
            "bids": [[449.5 + second % 3, 2.0], [449.0, 1.0]],
            "asks": [[453.5 + second % 3, 2.0], [454.0, 1.0]],
            "seq": second,
        }
        for second in range(LASTS_S)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_it_stays_at_the_end_of_the_recording_and_takes_no_command(tmp_path: Path) -> None:
    with live_engine(tmp_path / "log", "--path", recording(tmp_path), "--speed", "20") as live:
        seen: list[dict[str, Any]] = []
        for event in live.events():
            seen.append(event)
            if event.get("ended"):
                break
        assert seen[0]["engine"]["speed"] == "20.0"
        times = [datetime.fromtimestamp(each["engine_time_ms"] / 1e3, UTC) for each in seen]
        assert {each.date().isoformat() for each in times} == {"2014-05-13"}
        status = live.visitor.get(f"{BASE}/status/BTC/USD")
        assert status["activity"]["books"] == LASTS_S
        first, second = (live.visitor.get("api/v1/engine")["time_ms"] for _ in range(2))
        assert first == second  # time stands still
        with pytest.raises(HTTPError) as refused:
            live.visitor.post(f"{BASE}/stop", symbol="BTC/USD")
        assert refused.value.code == 503
        assert "the recording has ended" in refused.value.read().decode()
        live.process.send_signal(signal.SIGTERM)
        out, err = live.process.communicate(timeout=PATIENCE_S)
        assert live.process.returncode == 0, err
        assert json.loads(out.splitlines()[-1])["drained"]
