"""Some lives of what `make soak` does for a week."""

from pathlib import Path

import pytest

from tests.soak.plan import KINDS, Kind, plan
from tests.soak.simulated import Soak, run, symbols

pytestmark = pytest.mark.slow
LIVED: tuple[Kind, ...] = ("killed", "limits in the file", "spread in the file", "folder copied", "disk full")
LIFE_S = 1_800


def test_five_lives_with_what_goes_wrong_leave_every_ledger_exact(tmp_path: Path) -> None:
    soak = Soak(tmp_path, 1, symbols(6), {"age_days": 1.0})
    steps = plan(1, len(LIVED) * LIFE_S / 86_400, LIFE_S, LIVED)
    assert {step.kind for step in steps} == set(LIVED)
    run(soak, steps)
    assert soak.violations == []
    assert soak.judge.counts["order.fill.v1"] > 0
    assert soak.proofs[-1].outputs > 0


def test_a_plan_is_its_seeds_alone_and_has_every_kind() -> None:
    week = plan(7, 7, 3 * 3_600)
    assert week == plan(7, 7, 3 * 3_600) != plan(8, 7, 3 * 3_600)
    assert {step.kind for step in week} == set(KINDS)
    assert [step.kind for step in week].count("disk full") == 1
