"""The exchange stopped sending our fills and did not close the stream.

What happened: after `eventStreamTerminated`, an expired listen key, or for no stated reason the user
data stream fell silent with its connection open. Fills were booked 4.8 s late at the median and 14 s at
most, when something else happened to ask the exchange; those of an order that was not known were never
booked. Quotes stayed where they were.

What was wrong: a stream counted as alive until its connection was closed.

What holds it now: the event leads to a new subscription; a fill that a request sees first means that the
stream is dead; and while orders rest, a silent stream is doubted after a bounded time.
"""

import time
from pathlib import Path

import pytest

from sandbox.faults import FaultName
from tests.servers.local import until
from tests.servers.sandbox import SandboxServer
from tests.system.sandbox.session import agrees, quoted, running

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("fault", ["end_user_stream", "silent_user_stream", "server_shutdown"])
@pytest.mark.timed
def test_a_stream_that_ends_without_closing_is_noticed_while_orders_rest(
    sandbox: SandboxServer, tmp_path: Path, fault: FaultName
) -> None:
    with running(tmp_path, sandbox) as session:
        quoted(sandbox)
        sandbox.arm(fault, seconds=600)
        order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
        filled_s = time.monotonic()
        sandbox.fill(order, 1)
        until(lambda: len(session.events("order.fill.v1")) >= 1, "the fill is booked")
        late_s = time.monotonic() - filled_s
        print(f"{fault}: booked after {late_s:.2f} s")
        assert late_s < 10
        assert session.process.stop() == 0
        agrees(session, sandbox)
