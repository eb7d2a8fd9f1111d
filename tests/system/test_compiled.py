"""Compiled modules decide what pure Python decides, and each goes on where the other stopped."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

from runtime.compiled import MANIFEST, PACKAGE, SWITCH
from tests.system.conftest import Maker

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
RUN = ("up", "--no-gateway", "--speed", "max", "--seed", "7", "--json")
OF_ONE_RUN = re.compile(r'"type":"process\.(epoch|config)\.v1"')
DIGEST = re.compile(r'"state_digest":"\w+"')
"""Replays compare them."""
PURE = {SWITCH: "0"}
OF_STATE = """
import sys
from pathlib import Path
import maker
from maker.composition import process_definitions
from runtime.process.session import sources_of
from runtime.state.checkpoint import Part
from runtime.state.digest import state_digest
sources = sources_of(process_definitions())
for path in sorted(Path(sys.argv[1]).glob("checkpoints/*.state")):
    snapshot = Part.from_bytes(path.read_bytes()).exact(sources)
    print(path.name, snapshot and state_digest(snapshot.life.core))
"""


def has_a_compiler() -> bool:
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return shutil.which("cc") is not None and headers.exists()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which compiled modules are used, made of the sources as they are."""
    if not has_a_compiler():
        pytest.skip(
            "a C compiler or the headers of this Python are missing: on Debian, apt install gcc python3-dev"
        )
    folder = tmp_path_factory.mktemp("compiled")
    program = ROOT / "deploy" / "make_compiled.py"
    command = [sys.executable, str(program), str(folder), "--optimise", "0"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert made.returncode == 0, made.stderr[-4000:]
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return {SWITCH: "1", "PYTHONPATH": str(folder)}


def lines_of(maker: Maker, log: Path) -> list[str]:
    """What was published, except what is one run's own: its process, key, digests with that key."""
    done = maker("log", "text", log)
    assert done.code == 0, done.err
    lines = (line.partition(" ")[2] for line in done.out.splitlines())
    return [DIGEST.sub("", line) for line in lines if not OF_ONE_RUN.search(line)]


def first_divergence(maker: Maker, log: Path, env: dict[str, str]) -> Any:
    done = maker("replay", log, "--json", **env)
    return done.json["first_divergence"]


def digests(log: Path, env: dict[str, str]) -> str:
    """Of the state of each process in each checkpoint, as one kind of code reads it."""
    done = subprocess.run(
        [sys.executable, "-c", OF_STATE, log],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | env,
        cwd=ROOT,
    )
    return done.stdout


def test_it_says_which_kind_runs(maker: Maker, compiled: dict[str, str]) -> None:
    assert maker("--version", **compiled).out.strip().endswith(", compiled")
    assert maker("--version", **PURE).out.strip().endswith(", pure Python")


def test_both_kinds_write_the_same_log_and_replay_each_others(
    maker: Maker, compiled: dict[str, str], tmp_path: Path
) -> None:
    logs = {"compiled": tmp_path / "compiled", "pure": tmp_path / "pure"}
    for name, env in (("compiled", compiled), ("pure", PURE)):
        done = maker(*RUN, "--for", "240", "--log", logs[name], **env)
        assert done.code == 0, done.err
    written = {name: lines_of(maker, log) for name, log in logs.items()}
    assert written["compiled"] == written["pure"]
    assert len(written["pure"]) > 10_000
    assert first_divergence(maker, logs["compiled"], PURE) is None
    assert first_divergence(maker, logs["pure"], compiled) is None


def test_each_reads_the_state_that_the_other_left(
    maker: Maker, compiled: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    for env in (compiled, PURE, compiled):
        done = maker(*RUN, "--for", "60", "--log", log, **env)
        assert done.code == 0, done.err
        read = digests(log, compiled)
        assert "None" not in read
        assert read == digests(log, PURE)
    assert first_divergence(maker, log, PURE) is None


def test_it_is_not_used_for_changed_sources(maker: Maker, compiled: dict[str, str], tmp_path: Path) -> None:
    package = tmp_path / PACKAGE
    shutil.copytree(Path(compiled["PYTHONPATH"]) / PACKAGE, package)
    manifest = json.loads((package / MANIFEST).read_text())
    manifest["sources"]["schemas/core.py"] = "0" * 64
    (package / MANIFEST).write_text(json.dumps(manifest))
    version = maker("--version", **compiled | {"PYTHONPATH": str(tmp_path)}).out
    assert "pure Python: the sources have changed since `make fast`" in version
