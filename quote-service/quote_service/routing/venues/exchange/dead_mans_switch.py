"""Renews the dead-man's switch: the exchange's own, or the watchdog process in its place."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from quote_service.routing.venues.exchange.client import RestClient
from quote_service.routing.venues.exchange.outcomes import (
    NO_ANSWER,
    NoAnswerError,
    RequestFailedError,
    classified,
)
from quote_service.routing.venues.exchange.watchdog import Heartbeat, is_alive, watchdog_file, write_heartbeat
from schemas.units import NS_PER_MS

_REFRESHES = 4
"""Renewals within the switch's interval."""


class Switch:
    """Armed before the first quote, and renewed only by the router's ticks."""

    def __init__(
        self,
        rest: RestClient,
        now_ns: Callable[[], int],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        on_broken: Callable[[str], None],
    ) -> None:
        self._rest = rest
        self._config = rest.config
        self._now_ns = now_ns
        self._spawn = spawn
        self._on_broken = on_broken
        self._timeout_ns = rest.config.dead_mans_switch_ms * NS_PER_MS
        self._armed_until_ns = 0
        self._requested_ns = 0
        self._requested_for: tuple[str, ...] = ()
        file = rest.config.heartbeat_file
        self._heartbeat_file = None if file is None else Path(file)
        self._watchdog = None if file is None else Heartbeat(watchdog_file(Path(file)))

    @property
    def _is_offered(self) -> bool:
        return self._rest.dialect.venue.dead_mans_switch is not None

    def is_armed(self) -> bool | None:
        """Whether our orders are cancelled if we fail; None: neither the venue's switch nor a watchdog is
        configured.
        """
        if self._is_offered:
            return self._armed_until_ns > self._now_ns()
        return None if self._watchdog is None else is_alive(self._watchdog)

    async def arm(self) -> None:
        """Arm the switch; raises RequestFailedError where nothing would cancel our orders."""
        if self._is_offered:
            self._requested_ns = self._now_ns()
            self._requested_for = symbols = self._symbols()
            try:
                await self._rest.dialect.arm(symbols, self._config.dead_mans_switch_ms)
            except Exception as error:
                raise classified(error) from error
            self._armed_until_ns = self._requested_ns + self._timeout_ns
        elif self.is_armed() is False:
            raise NoAnswerError(
                NO_ANSWER, f"no watchdog is watching {self._heartbeat_file}: start `maker watchdog`"
            )

    def beat(self, *, is_ready: bool) -> None:
        """Write the heartbeat, and renew the switch when due; called on each of the router's ticks."""
        if self._heartbeat_file is not None:
            try:
                write_heartbeat(self._heartbeat_file)
            except OSError as error:
                self._on_broken(f"heartbeat {self._heartbeat_file} cannot be written: {error.strerror}")
        is_due = self._now_ns() - self._requested_ns > self._timeout_ns // _REFRESHES
        if is_ready and (is_due or self._has_another_symbol()):
            self._requested_ns = self._now_ns()
            self._requested_for = self._symbols()
            self._spawn(self._arm_again())

    def _symbols(self) -> tuple[str, ...]:
        """The configured symbols, and any others with live orders, which an operator may have started."""
        live = (order.contract.symbol for order in self._rest.registry.live_orders())
        return tuple(dict.fromkeys((*self._config.symbols, *live)))

    def _has_another_symbol(self) -> bool:
        """Whether there is a live order on a symbol the switch was not armed for."""
        return self._is_offered and not set(self._symbols()) <= set(self._requested_for)

    async def _arm_again(self) -> None:
        try:
            await self.arm()
        except RequestFailedError as error:
            if not self.is_armed():
                self._on_broken(f"the dead-man's switch is not armed: {error}")
