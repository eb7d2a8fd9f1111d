"""When a run of a recording begins on a log that is there already."""

import pytest

from maker.opening import recording_begins_ns
from runtime.errors import ConfigError
from schemas.topics import MONITOR, ROUTER


def test_a_new_run_begins_with_its_recording() -> None:
    assert recording_begins_ns({MONITOR: 100}, 0, "log") == 100


def test_what_a_killed_run_had_still_to_tell_does_not_keep_the_next_from_beginning() -> None:
    """Its venue's report was due at 86, before the newest record at 93: the kill came between."""
    assert recording_begins_ns({MONITOR: 200, ROUTER: 86}, 93, "log") == 93
    assert recording_begins_ns({MONITOR: 200, ROUTER: 150}, 93, "log") == 150


def test_a_recording_is_not_run_twice_into_one_log() -> None:
    with pytest.raises(ConfigError, match="log ends later than this run would begin"):
        recording_begins_ns({MONITOR: 92, ROUTER: 200}, 93, "log")
