"""Fixtures that several modules of the runtime's tests use."""

import asyncio
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from runtime.log.logfile import LogFileBus
from runtime.log.segments import segment_files
from runtime.observability import redaction
from tests.unit.runtime.kept_hours import anywhere, keep, publish


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No secret was read yet, and logs go where they went before."""
    monkeypatch.setattr(redaction, "_known", {})
    handlers = list(logging.getLogger().handlers)
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers = handlers


@pytest.fixture(params=[0o000, 0o022, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten days of a record every quarter of an hour; all but the newest segment are closed."""
    folder = tmp_path_factory.mktemp("kept") / "log"
    bus = LogFileBus(folder)
    for number in range(10 * 24 * 4):
        publish(bus, number)
        bus.commit()
    asyncio.run(bus.close())
    keep(folder, anywhere)
    assert len(segment_files(folder)) > 150
    return folder


@pytest.fixture
def log(kept: Path, tmp_path: Path) -> Path:
    """A copy of those ten days."""
    return Path(shutil.copytree(kept, tmp_path / "log"))
