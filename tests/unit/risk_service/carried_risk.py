"""A core of risk-service that starts from carried state."""

from collections.abc import Iterable
from typing import Any, cast

from risk_service.core.risk import RiskCore
from risk_service.core.scope import Scope

from runtime.process.definition import Carries
from schemas.carried.risk import RiskCarried
from schemas.config import Config
from schemas.control import Command, CommandAction
from schemas.envelope import decode, encode
from schemas.message import Event
from schemas.risk import RiskAlert
from tests.kit.messages import BTC, T0, S
from tests.kit.messages import command as said_by


def command(action: CommandAction, symbol: str = BTC, person: str = "ann", **fields: Any) -> Command:
    return said_by(action, f"{action}-{person}-{symbol}", symbol=symbol, principal=person, **fields)


def config(capital: int = 1_000_000, currency: str = "USDT", **limits: Any) -> Config:
    return Config.model_validate(
        {"risk_limits": limits, "reporting": {"capital": capital, "currency": currency}}
    )


def scopes(made: RiskCore) -> list[Scope]:
    """The account's, and each symbol's."""
    return [made._account.scope, *(each.scope for each in made._symbols.values())]


def core(made_of: Config | None = None, *events: Event) -> RiskCore:
    made = RiskCore(made_of or config())
    for event in events:
        made.on_event(event)
    return made


def over_the_border(
    old: RiskCore, made_of: Config | None = None, now_ns: int = T0 + S
) -> tuple[RiskCore, list[Event]]:
    """A core of another session that was given what the old one carries, and what it answered."""
    new = RiskCore(made_of or config())
    said: list[Event] = []
    for event in cast(Carries, old).carried(now_ns):
        carried = decode(RiskCarried, encode(event))
        assert carried == event
        said += new.on_event(carried)
    return new, said


def levels(old: RiskCore) -> list[Event]:
    """The newest instruments and positions that the old core knew: the runtime carries them."""
    known = old._symbols.values()
    found: list[Event] = [each.instrument for each in known if each.instrument is not None]
    return [*found, *(each.position for each in known if each.position is not None)]


def alerts(said: Iterable[Event]) -> list[RiskAlert]:
    return [each for each in said if isinstance(each, RiskAlert)]
