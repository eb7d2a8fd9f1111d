"""A log with a checkpoint after each commit, and what each process is when it is opened."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from maker.composition import process_definitions
from maker.engine import RunOptions, run_engine
from maker.opening import LogOpening
from runtime.config.control_keys import with_keys
from runtime.config.settings import load_config
from runtime.log.logfile import LogFileBus
from runtime.process.checkpointing import Checkpointing
from runtime.process.session import sources_of
from runtime.replay.restore_point import RestorePoint
from runtime.state import checkpoint
from runtime.state.checkpoint import FOLDER, Checkpoints
from runtime.store.documents import MemoryStore
from schemas.config import Config

RUN_S = 30.0


def configured(log: Path, **settings: Any) -> Config:
    sections: dict[str, Any] = {"feed": {"speed": "max"}, "engine": {"log_dir": str(log)}}
    return load_config((), sections | settings, {}).config


def digests(log: Path, **settings: Any) -> Mapping[str, str]:
    """Of what each process is when the log was opened, before anything happens."""
    definitions = process_definitions()
    config, _ = with_keys(configured(log, **settings), log, signs=True)
    known = RestorePoint.of(sources_of(definitions), Checkpoints(log).newest())
    bus = LogFileBus(log, standing=known.standing)
    opening = LogOpening(definitions, config, bus, known, MemoryStore())
    asyncio.run(bus.close())
    return {runner.name: runner.life.digest() for runner in opening.runners}


def copied(log: Path, to: Path) -> Path:
    return Path(shutil.copytree(log, to, ignore=shutil.ignore_patterns(".lock")))


def killed_run(log: Path) -> None:
    """A run with a checkpoint after each commit, and none at its end: as if it had been killed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpointing, "committed", Checkpointing.write)
        patch.setattr(checkpoint, "PARTS_KEPT", 4)
        run_engine(configured(log), RunOptions(for_s=RUN_S, gateway=False))
    newest = max(Checkpoints(log).names()).records
    for path in (log / FOLDER).glob(f"{newest:020d}.*"):
        path.unlink()
