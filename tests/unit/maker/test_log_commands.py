"""`maker log show` and `verify`: what they print, and how they end."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from maker.cli.app import app
from runtime.log.keeper import LogKeeper
from runtime.log.segments import is_closed, segment_files
from schemas.deployment import Keep
from tests.unit.runtime.kept_logs import RECORDS, write_segments


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """All but its newest segment are closed."""
    write_segments(tmp_path / "log")
    keeping = LogKeeper(tmp_path / "log", Keep(), pause_share=0.0)
    keeping.start()
    assert keeping.wait(30)
    keeping.stop()
    return tmp_path / "log"


def ask(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["log", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_show_has_a_line_a_segment_and_one_for_all(log: Path) -> None:
    code, out, _ = ask("show", log)
    lines = out.splitlines()
    assert code == 0
    assert len(lines) == len(segment_files(log)) + 1
    assert lines[0].startswith("00000000000000000000  2023-11-14T22:13:20.000000000Z  ")
    assert ", open" in lines[-2]
    assert ", open" not in lines[-3]
    assert "GB free: room for " in lines[-1]


def test_verify_prints_the_newest_link_and_compares_one(log: Path) -> None:
    code, out, _ = ask("verify", log)
    assert code == 0
    first, second = out.splitlines()
    assert f"{RECORDS} records" in first
    link = second.removeprefix("newest chain link: ")
    assert ask("verify", log, "--link", link)[0] == 0
    code, _, err = ask("verify", log, "--link", "0" * 64)
    assert code == 1
    assert "the chain has no link 000" in err


def test_verify_names_what_is_wrong_and_fails(log: Path) -> None:
    path = next(path for path in segment_files(log) if is_closed(path))
    path.unlink()
    code, out, err = ask("verify", log, "--json")
    assert code == 1
    problem, *of_begin = json.loads(out)["problems"]
    assert problem.startswith("segment 00000000000000000000 is missing")
    assert of_begin, "nothing says what was before the next"
    assert f"problems found: {1 + len(of_begin)}" in err
    assert problem in ask("verify", log)[2]


def test_text_gives_the_lines_as_they_were_recorded(log: Path, tmp_path: Path) -> None:
    write_segments(tmp_path / "plain")
    parts = [path.read_text() for path in segment_files(tmp_path / "plain")]
    assert ask("text", log) == (0, "".join(parts), "")
    for path, part in zip(segment_files(log), parts, strict=True):
        assert ask("text", path) == (0, part, "")


def test_text_gives_what_is_before_the_damage(log: Path) -> None:
    path = segment_files(log)[0]
    whole = ask("text", path)[1]
    path.write_bytes(path.read_bytes()[:-1])
    assert ask("text", path)[:2] == (0, whole)
    path.write_bytes(path.read_bytes()[:200])
    code, out, err = ask("text", path)
    assert code != 0
    assert whole.startswith(out)
    assert "damaged in frame 1" in err


def test_a_folder_without_a_log_is_a_clear_error(tmp_path: Path) -> None:
    for command in ("show", "verify", "text"):
        code, _, err = ask(command, tmp_path)
        assert code == 2
        assert "holds no topic log" in err
