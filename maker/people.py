"""Defaults that follow from the number of users."""

from pathlib import Path

from maker.composition import people_who_resume
from runtime.config.settings import LoadedConfig
from runtime.errors import ConfigError

_TWO = 2
_KEY = "risk_limits.resume_people"


def with_people(loaded: LoadedConfig) -> LoadedConfig:
    """Resuming takes two people where there are two, unless the configuration sets the number.

    A process that cannot read the users file, as where it is the gateway's secret, assumes two.
    """
    users_file = loaded.config.access.users_file
    if users_file is None or loaded.origin[_KEY] != "default":
        return loaded
    try:
        people = people_who_resume(Path(users_file))
    except ConfigError:
        people = _TWO  # a missing file must never relax the rule to one
    if people < _TWO:
        return loaded
    limits = loaded.config.risk_limits.model_copy(update={"resume_people": _TWO})
    config = loaded.config.model_copy(update={"risk_limits": limits})
    return LoadedConfig(config, loaded.origin | {_KEY: f"{people} people in {users_file}"})
