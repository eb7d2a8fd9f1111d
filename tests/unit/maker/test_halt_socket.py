"""The socket by which a user of the machine reaches an engine."""

import asyncio
from pathlib import Path

import pytest

from maker.halt_socket import HaltSocket
from maker.reaching import SocketEngine


def test_who_only_looks_whether_an_engine_is_there_is_no_news(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def looked_at() -> SocketEngine | None:
        served = HaltSocket(tmp_path, lambda command: None, lambda: 0, lambda: ())
        await served.start()
        try:
            found = await asyncio.to_thread(SocketEngine.of_folder, tmp_path)
            while len(asyncio.all_tasks()) > 1:  # what was asked is answered
                await asyncio.sleep(0)
            return found
        finally:
            await served.stop()

    assert asyncio.run(looked_at()) is not None
    told = capsys.readouterr()
    assert "halt_socket" not in told.out + told.err


@pytest.mark.parametrize("length", [1, 60, 107, 200])
def test_an_engine_is_reached_however_long_its_folders_name_is(
    length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An address of a Unix socket has room for 107 bytes.
    runtime = tmp_path / ("r" * length)
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))

    async def asked() -> dict[str, object]:
        served = HaltSocket(tmp_path, lambda command: None, lambda: 0, lambda: ())
        served.answers["status"] = lambda asked, user: {"engine": "well"}
        await served.start()
        try:
            found = await asyncio.to_thread(SocketEngine.of_folder, tmp_path)
            assert found is not None
            return await asyncio.to_thread(found.status)
        finally:
            await served.stop()

    assert asyncio.run(asked())["engine"] == "well"
    assert SocketEngine.of_folder(tmp_path) is None  # nothing is left of it
