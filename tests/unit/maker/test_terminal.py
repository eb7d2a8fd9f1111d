"""What the end of a command line does where stdout is closed, full, gone or of another alphabet."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

STATE = {
    "symbol": "\u20bf/USDT",
    "tick_size": "0.01",
    "lot_size": "0.001",
    "bids": [["1234567.89", "2"]],
    "asks": [["1234567.91", "2"]],
    "volatility_bps": 1.0,
}


def maker(
    shell: str, *arguments: str, stdin: str | bytes = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """A command line with redirections, as a shell makes them."""
    line = f'"$0" -m maker "$@" {shell}'
    return subprocess.run(
        ["bash", "-c", line, sys.executable, *arguments],
        input=stdin if isinstance(stdin, bytes) else stdin.encode(),
        env={**os.environ, **(env or {})},
        capture_output=True,
        check=False,
        timeout=120,
    )


def test_a_full_stdout_is_said_in_one_line() -> None:
    done = maker("> /dev/full", "config", "show")
    assert (done.returncode, done.stderr.decode()) == (1, "maker: the output: No space left on device\n")


def test_a_reader_that_leaves_ends_it_without_a_traceback() -> None:
    done = maker("| head -1; exit ${PIPESTATUS[0]}", "config", "schema")
    assert done.returncode == 1
    assert done.stdout.startswith(b"{")
    assert b"Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


def test_a_closed_stdout_takes_no_file_in_its_place(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run = ("up", "--no-gateway", "--for", "1", "--speed", "max", "--log", str(log))
    assert maker(">&-", *run).returncode == 0
    verified = maker("", "log", "verify", str(log), "--json")
    assert (verified.returncode, json.loads(verified.stdout)["problems"]) == (0, [])


def test_a_full_stdout_does_not_end_a_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = maker("> /dev/full", "up", "--no-gateway", "--for", "1", "--speed", "max", "--log", str(log))
    said = done.stderr.decode().splitlines()
    assert (done.returncode, said[-1]) == (1, "maker: the output: No space left on device")
    assert any(line.startswith("cancelled ") for line in said), "it traded and ended in order"


@pytest.mark.parametrize(
    "env", [{"PYTHONIOENCODING": "latin-1"}, {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}]
)
def test_a_terminal_of_another_alphabet_gets_what_it_can_show(env: Mapping[str, str]) -> None:
    done = maker("", "price", stdin=json.dumps(STATE), env=env)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr.decode("latin-1")
    assert "1234567.9" in done.stdout.decode("latin-1")
    wrong = maker("", "why", "\u20bf", "--log", "missing", env=env)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_state_with_a_byte_order_mark_is_priced(encoding: str) -> None:
    """As an editor on Windows saves it."""
    marked = json.dumps(STATE).encode(encoding)
    done = maker("", "price", "--json", stdin=marked)
    plain = maker("", "price", "--json", stdin=json.dumps(STATE))
    assert (done.returncode, done.stdout) == (0, plain.stdout), done.stderr


def test_a_state_that_is_no_text_is_refused_in_one_line() -> None:
    done = maker("", "price", stdin=b"{\xff\xfe")
    assert done.returncode == 2
    assert done.stderr.decode().startswith("maker: stdin is not JSON: ")
    assert len(done.stderr.splitlines()) == 1


def test_prices_are_shown_with_all_their_digits() -> None:
    table = maker("", "price", stdin=json.dumps(STATE)).stdout.decode()
    shown = next(line for line in table.splitlines() if "fair_value" in line)
    assert shown.count("1234567.9 ") == 2, shown
    last = next(line for line in table.splitlines() if "tick_rounding" in line)
    quoted = table.partition("bid ")[2].partition(" x ")[0]
    assert f" {float(quoted)!r} " in last, (quoted, last)
