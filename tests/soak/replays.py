"""`maker replay` of a log, as its user asks for it."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.trader import MAKER


@dataclass(frozen=True)
class Proof:
    """What it said of the sessions of the code that was asked."""

    code: int = 0
    outputs: int = 0
    divergences: int = 0
    took_s: float = 0.0
    said: str = ""

    @property
    def holds(self) -> bool:
        """Was something compared, and all of it the same?"""
        return self.code == 0 and self.divergences == 0 and self.outputs > 0


def replay(log: Path, program: Sequence[str], env: Mapping[str, str]) -> Proof:
    """Of all that a log holds."""
    return said_of(["replay", str(log)], program, env)


def said_of(
    question: Sequence[str], program: Sequence[str] = MAKER, env: Mapping[str, str] | None = None
) -> Proof:
    """What the command says, asked for JSON."""
    began_s = time.monotonic()
    done = subprocess.run(
        [*program, *question, "--json"],
        capture_output=True,
        text=True,
        env=os.environ | dict(env or {}) | {"NO_COLOR": "1"},
        check=False,
    )
    took_s = time.monotonic() - began_s
    lines = done.stdout.splitlines()
    if not lines:
        return Proof(done.returncode or 1, took_s=took_s, said=done.stderr[-1500:])
    told = json.loads(lines[-1])
    first = told.pop("first_divergence")
    sessions = [
        session for process in told.values() for session in process["sessions"] if session["this_code"]
    ]
    return Proof(
        done.returncode,
        sum(session["outputs"] for session in sessions),
        sum(session["divergences"] for session in sessions),
        took_s,
        f"first divergence {first}; {done.stderr[-800:]}" if done.returncode else "",
    )
