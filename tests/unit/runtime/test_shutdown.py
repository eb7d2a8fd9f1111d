"""With what words and exit code a process on Kafka ends."""

from pathlib import Path

import pytest

from runtime.errors import DependencyError, EngineError, RefusedError
from runtime.process.shutdown import final_error
from schemas.topics import QUOTE, ROUTER

STATE = Path("state")


@pytest.mark.parametrize("failure", [None, DependencyError("no broker"), RefusedError("may not trade")])
def test_orders_that_may_be_left_are_told_by_the_exit_code_whatever_else_failed(
    failure: EngineError | None,
) -> None:
    found = final_error([ROUTER], failure, drained=False, unconfirmed=2, state=STATE)
    assert found is not None
    assert found.exit_code == 6
    assert "orders may be left open at the venue" in str(found)
    assert "2 records" in str(found)
    assert str(failure or "") in str(found)


def test_else_by_what_failed() -> None:
    assert final_error([QUOTE], None, drained=True, unconfirmed=0, state=STATE) is None
    refused = final_error([ROUTER], RefusedError("no"), drained=True, unconfirmed=0, state=STATE)
    unconfirmed = final_error([QUOTE], None, drained=True, unconfirmed=1, state=STATE)
    assert refused is not None
    assert refused.exit_code == 4
    assert unconfirmed is not None
    assert unconfirmed.exit_code == 3
