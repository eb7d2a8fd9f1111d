"""The errors of the engine, each with the exit code of the command line."""


class EngineError(Exception):
    """An error for the operator: the message names the value, the place and the remedy."""

    exit_code = 1


class ConfigError(EngineError):
    """An invalid configuration or command line."""

    exit_code = 2


class DependencyError(EngineError):
    """An external dependency is unavailable."""

    exit_code = 3


class RefusedError(EngineError):
    """Refused by a risk limit or a missing permission."""

    exit_code = 4


class ReplayDivergedError(EngineError):
    """A replay differed from the recording."""

    exit_code = 5


class OrdersLeftError(EngineError):
    """The process ended, and orders may be left open at the venue."""

    exit_code = 6


class LogDamagedError(EngineError):
    """A topic log has a damaged record before its torn tail."""


class DiskFullError(DependencyError):
    """The disk is too full or not writable, detected before any harm is done."""


class LogLostError(DependencyError):
    """The disk failed to write or confirm records that must be durable before acting."""


class LogGoneError(LogLostError):
    """The written file is no longer where the next start would find it."""


class StateRefusedError(EngineError):
    """The state on disk does not match the process's topics: the operator decides."""

    exit_code = 4


class FeedError(EngineError):
    """A feed cannot continue."""


class OffsetOutOfRangeError(EngineError):
    """A reader requested records that the bus no longer has, or not yet."""


class FencedError(EngineError):
    """Another instance has taken over the topics of this process."""


def left_at_venue(*, drained: bool) -> str:
    """The state of the venue after an unrequested end, for the operator."""
    if drained:
        return "no order is left open at the venue"
    return "orders may be left open at the venue: check there, or run `maker cancel-all --config FILE`"
