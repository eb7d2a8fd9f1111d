"""Sessions: which one a start resumes, and what a new one begins with.

A session is the period under one code and one configuration. Within it a start resumes exactly; different
code or configuration begins a new one with the carried state of the previous one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from runtime.clock import STEP_NS
from runtime.config.settings import config_hash
from runtime.config.sources import sources_hash
from runtime.errors import ConfigError
from runtime.process.definition import ProcessDefinition
from runtime.process.life import Life
from runtime.version import code_version
from schemas.config import Config
from schemas.live_values import overlaid
from schemas.process import ConfigApplied, LiveValue
from schemas.units import NS_PER_S

logger = structlog.get_logger()


def sources_of(definitions: Iterable[ProcessDefinition]) -> str:
    """The hash of the sources that these processes' decisions depend on."""
    return sources_hash(definition.make_core.__module__.partition(".")[0] for definition in definitions)


@dataclass(frozen=True, slots=True)
class Start:
    """A start: the configuration from its files, and its code."""

    config: Config
    sources_hash: str

    def resumes(self, newest: ConfigApplied | None) -> bool:
        """Whether this start resumes the session that began, or was last resumed, with this configuration."""
        return (
            newest is not None
            and newest.config_hash == config_hash(self.config)
            and newest.sources_hash == self.sources_hash
        )

    def check(self, newest: ConfigApplied | None, where: str) -> None:
        """Raises ConfigError where a new session would change the meaning of the carried figures."""
        old = None if newest is None else newest.config.reporting.currency
        new = self.config.reporting.currency
        if old is not None and old != new:
            raise ConfigError(
                f"reporting.currency is {new}, but the figures and limits in {where} are in {old}: "
                "PnL, peaks and limits would change their meaning. Continue with reporting.currency: "
                f"{old}, or start in {new} with a new folder: `maker up --log NEWDIR`, at an exchange "
                "with inventory.opening: venue, so that the holdings of the account are taken over"
            )

    def resumed(self, newest: ConfigApplied, now_ns: int) -> ConfigApplied:
        """The same session, resumed here."""
        config, _ = overlaid(self.config, newest.live_settings)
        return newest.model_copy(update={"event_time_ns": now_ns, "config": config})

    def begun(self, now_ns: int, live: Sequence[LiveValue] = ()) -> ConfigApplied:
        """A new session of every process (`*`). Live changes are kept where the file's value is unchanged."""
        config, standing = overlaid(self.config, live)
        for value in live:
            if value not in standing:
                logger.warning("live_setting_ended", setting=value.setting_key, was=value.value)
        return ConfigApplied(
            event_time_ns=now_ns,
            process="*",
            code_version=code_version(),
            config_hash=config_hash(self.config),
            config=config,
            session_began_ns=now_ns,
            sources_hash=self.sources_hash,
            live_settings=standing,
        )


def is_clock_back(life: Life, now_ns: int) -> bool:
    """Whether the clock is behind the time known to a life. Its core would treat nothing as stale until the
    clock catches up, so a new session begins.
    """
    ahead_ns = life.signature_check.now_ns - now_ns
    if ahead_ns > STEP_NS:
        logger.warning("clock_set_back", process=life.name, seconds=round(ahead_ns / NS_PER_S, 1))
    return ahead_ns > STEP_NS
