"""What all tests share: where recorded data is, and what happens to tests that cannot run."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
RECORDINGS = ROOT.parent / "shared" / "data" / "normalised"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded market data; the test is left out where it is not there."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recorded market data in {RECORDINGS}")
    return RECORDINGS


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, pytest.TestReport]:
    """With MM_REQUIRE_ALL_TESTS set, as in CI, a test that was left out has failed."""
    report: pytest.TestReport = yield
    if report.skipped and os.environ.get("MM_REQUIRE_ALL_TESTS"):
        report.outcome = "failed"
        report.longrepr = f"left out, where every test must run: {report.longrepr}"
    return report
