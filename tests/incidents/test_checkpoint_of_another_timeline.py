"""A log of one timeline beside checkpoints of another: part of a folder had been restored from a copy.

What happened: a disk had lost what it had confirmed, or a folder was put together from two copies. The
checkpoints knew positions, orders and trade ids to which the log beside them does not lead; a start that
takes them over trades on a past that no replay can show.

What was wrong: a checkpoint was bound to a place in the log, and not to what the log says there.

What holds it now: a checkpoint has a digest of the log's text before its place. Where the two differ the
start is refused and names the remedy, and `maker log verify` reports it.
"""

from pathlib import Path

import pytest

from runtime.errors import LogDamagedError
from runtime.log.segments import segments
from runtime.log.verify import verify_log
from runtime.state.checkpoint import Checkpoints
from tests.system.checkpointed_logs import copied, digests, killed_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("checkpoints") / "log"
    killed_run(directory)
    return directory


@pytest.mark.parametrize("loss", ["cut", "zeros", "empty", "a bit", "another log"])
def test_a_log_that_is_not_what_its_parts_know_is_refused(log: Path, tmp_path: Path, loss: str) -> None:
    """A disk that forgot what it had confirmed, or copies that were mixed: nobody trades from there on."""
    copy = copied(log, tmp_path / "copy")
    newest = segments(copy)[-1]
    data = bytearray(newest.read_bytes())
    place = max(part.log.position for part in Checkpoints(copy).newest().values())
    if loss == "cut":
        del data[data.rfind(b"\n", 0, place.offset_bytes - 1) + 1 :]
    elif loss == "zeros":
        data[place.offset_bytes - 3_000 :] = bytes(len(data) - place.offset_bytes + 3_000)
    elif loss == "empty":
        data.clear()
    elif loss == "a bit":
        data[place.offset_bytes - 100] ^= 1
    else:
        data = data.translate(bytes.maketrans(b"12", b"21"))
    newest.write_bytes(data)
    with pytest.raises(LogDamagedError, match="Restore the log from a copy"):
        digests(copy)
    assert any("Restore the log" in problem for problem in verify_log(copy).problems)
