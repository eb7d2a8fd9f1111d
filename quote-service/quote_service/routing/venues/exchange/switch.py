"""Our side of the dead-man's switch: the exchange's own, or the watchdog process in its place."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from quote_service.routing.venues.exchange.outcomes import (
    NO_ANSWER,
    NoAnswerError,
    RequestFailedError,
    classified,
)
from quote_service.routing.venues.exchange.sender import Desk
from quote_service.routing.venues.exchange.watchdog import beat, is_watched
from schemas.units import NS_PER_MS

_REFRESHES = 4
"""Within its interval the switch is held back so often."""


class Switch:
    """Armed before the first quote, and held back by nothing but the router's own ticks."""

    def __init__(
        self,
        desk: Desk,
        now_ns: Callable[[], int],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        say_broken: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._config = desk.config
        self._now_ns = now_ns
        self._spawn = spawn
        self._say_broken = say_broken
        self._timeout_ns = desk.config.dead_mans_switch_ms * NS_PER_MS
        self._armed_until_ns = 0
        self._asked_ns = 0
        file = desk.config.heartbeat_file
        self._heartbeat_file = None if file is None else Path(file)

    @property
    def _is_offered(self) -> bool:
        return self._desk.dialect.venue.dead_mans_switch is not None

    def is_armed(self) -> bool | None:
        """Would our orders be withdrawn without us? None: neither the venue nor a watchdog was asked for."""
        if self._is_offered:
            return self._armed_until_ns > self._now_ns()
        return None if self._heartbeat_file is None else is_watched(self._heartbeat_file)

    async def arm(self) -> None:
        """Raises RequestFailedError where nobody would withdraw our orders."""
        if self._is_offered:
            self._asked_ns = self._now_ns()
            try:
                await self._desk.dialect.arm(self._config.symbols, self._config.dead_mans_switch_ms)
            except Exception as error:
                raise classified(error) from error
            self._armed_until_ns = self._asked_ns + self._timeout_ns
        elif self.is_armed() is False:
            raise NoAnswerError(
                NO_ANSWER, f"no watchdog looks at {self._heartbeat_file}: start `maker watchdog`"
            )

    def beat(self, *, is_ready: bool) -> None:
        """The router has just decided something."""
        if self._heartbeat_file is not None:
            beat(self._heartbeat_file)
        if is_ready and self._now_ns() - self._asked_ns > self._timeout_ns // _REFRESHES:
            self._asked_ns = self._now_ns()
            self._spawn(self._arm_again())

    async def _arm_again(self) -> None:
        try:
            await self.arm()
        except RequestFailedError as error:
            if not self.is_armed():
                self._say_broken(f"the dead-man's switch is not armed: {error}")
