"""The errors of the engine, each with the exit code that the command line answers with."""


class EngineError(Exception):
    """Something a person must see: the message names the value, the place and the remedy."""

    exit_code = 1


class ConfigError(EngineError):
    """A configuration or a command line that cannot be used."""

    exit_code = 2


class DependencyError(EngineError):
    """Something outside the engine that it needs is not there."""

    exit_code = 3


class RefusedError(EngineError):
    """A risk limit or a missing permission refused it."""

    exit_code = 4


class ReplayDivergedError(EngineError):
    """A replay said something else than the recording."""

    exit_code = 5


class LogDamagedError(EngineError):
    """A topic log holds a broken record that is not its torn tail."""


class FeedError(EngineError):
    """A feed cannot go on."""


class OffsetOutOfRangeError(EngineError):
    """A reader asked for records that the bus no longer, or not yet, holds."""


class FencedError(EngineError):
    """Another instance has taken over what this process wrote."""
