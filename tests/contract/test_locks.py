"""What is installed is pinned by version and hash, and says nothing about where it came from."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-compile.lock",
    "tests/bench/nautilus.lock",
    "tests/bench/hftbacktest.lock",
)
PAGE_LOCKS = ("gateway-api/page/package-lock.json", "gateway-api/page/openapi/package-lock.json")
each_lock = pytest.mark.parametrize("name", LOCKS)


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text().splitlines()


@pytest.mark.parametrize("name", [*LOCKS, *PAGE_LOCKS])
def test_a_lock_names_no_address(name: str) -> None:
    """An address of one machine's index would bind everyone to it."""
    spoken = re.compile(r"://|\s@\s|--(extra-)?index-url|--find-links|--trusted-host")
    assert [line for line in lines(name) if spoken.search(line)] == []


@each_lock
def test_every_package_of_a_lock_has_one_version_and_a_hash(name: str) -> None:
    requirement = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[a-z0-9,_-]+\])?==\S+( ; .+)? \\")
    hashed = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    before = ""
    for line in lines(name):
        if line.startswith(" "):
            assert hashed.fullmatch(line), line
        else:
            assert requirement.fullmatch(line), line
            assert not before.endswith("\\"), f"{before} has no hash"
        before = line
    assert before.startswith(" ")


def test_what_tests_run_on_is_what_the_engine_runs_on() -> None:
    pinned = {line for line in lines("requirements.lock") if "==" in line}
    assert pinned <= {line for line in lines("requirements-dev.lock") if "==" in line}
