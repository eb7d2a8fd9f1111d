"""Every command of the app, fed every kind of bad argument: one line and an exit code, at once.

The commands and their parameters are found in the app, so a new command is covered by being there.
"""

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from maker.cli.app import app
from maker.cli.terminal import run_to_end
from runtime.errors import ConfigError

_LINES_MAX = 40
"""Of a configuration with many wrong entries, one line each."""
SERVES = {
    "up": ("--no-gateway", "--for", "0", "--speed", "max"),
    "sandbox": ("--port", "0"),
    "halt": ("--within", "1"),
    "resume": ("--within", "1"),
}
"""Options with which commands that run on end at once where their arguments are right."""
NUMBERS = ("inf", "-inf", "nan", "null", "", "-1", "1e400", "9" * 40, "0x1", "1_0", "\u0663", "\udce9")
TEXTS = ("", "null", "-1", "9" * 300, "\u20bf/\u0394", "\udce9\udcff", "a\nb", "\x1b[2J")


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below one, with its words."""
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        yield from commands(command.get_command(context, name), (*path, name))


ALL = dict(commands(get_command(app)))


@pytest.fixture
def bad_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """A file, a folder and a pipe, something missing, empty, binary, not readable, and what is no path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("hello\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "binary.jsonl.gz").write_bytes(b"\x1f\x8b\x08" + bytes(99))
    (tmp_path / "secret").touch(0)
    os.mkfifo(tmp_path / "pipe")
    return (
        "file", "folder", "pipe", "missing", "empty", "binary", "binary.jsonl.gz", "secret", "file/below",
        "/dev/zero", "/dev/full", "", "\udce9", "x" * 300,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def signals_stay() -> Iterator[None]:
    """A command that served has taken the signals of this process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def nothing_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that serve or wait for a network do nothing once their arguments were accepted."""
    monkeypatch.setattr("maker.run.run_process", lambda *_, **__: None)
    monkeypatch.setattr("maker.supervisor.supervise", lambda *_, **__: None)
    monkeypatch.setattr("sandbox.command.on_stop", lambda stop: stop())
    monkeypatch.setattr("sandbox.venue_check.command._run_all", would_run)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"null")))
    monkeypatch.setenv("MM__KAFKA__BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("MM__REDIS__URL", "redis://127.0.0.1:1")


def would_run(*_: object) -> None:
    raise ConfigError("it would run for minutes")


def hangs(*_: object) -> None:
    pytest.fail("it did not end", pytrace=False)


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    """What a command line says on stderr; it has to end in time, with one of our exit codes."""
    monkeypatch.setattr("sys.argv", ["maker", *arguments])
    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(20)
    try:
        code = run_to_end(app)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    said = capfd.readouterr().err
    assert 0 <= code <= 6, (arguments, code)
    assert "Traceback" not in said, (arguments, said)
    assert len([line for line in said.splitlines() if line.startswith("maker: ")]) == (code != 0), (
        arguments,
        code,
        said,
    )
    return said


def values_of(parameter: Any, bad_paths: tuple[str, ...]) -> tuple[str, ...]:
    kind = str(parameter.type_descriptor.annotation)
    if "Path" in kind:
        return bad_paths
    return TEXTS if "str" in kind else NUMBERS


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_a_bad_argument_is_answered_in_one_line(
    words: tuple[str, ...],
    bad_paths: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    command = ALL[words]
    required = [each for each in command.params if each.param_type_name == "argument" and each.required]
    takes_value = [each for each in command.params if not getattr(each, "is_flag", False)]
    for parameter in takes_value:
        for value in values_of(parameter, bad_paths):
            rest = [value if each is parameter else "missing" for each in required]
            option = [] if parameter.param_type_name == "argument" else [f"{parameter.opts[0]}={value}"]
            if parameter.param_type_name == "argument" and not parameter.required:
                rest = [value]
            line = [*words, *SERVES.get(words[0], ()), *option, "--", *rest]
            print(line, flush=True)
            run(line, monkeypatch, capfd)
