"""Guards every core: no control message is obeyed unless one of our gateways signed it.

Pure, like a core: the result depends only on the inputs in order, the first being the configuration with the
public keys. Runner, restart and replay thus agree. See docs/adr/0010.
"""

from collections import OrderedDict
from collections.abc import Iterable

from runtime.config.signatures import key_id_of, verify
from runtime.state.digest import state_digest
from schemas.control import (
    AccessEvent,
    Acknowledgement,
    Adjustment,
    Command,
    Decision,
    Override,
    PeopleEvent,
    Proposal,
    SettingChange,
)
from schemas.deployment import Control
from schemas.message import Event
from schemas.process import ConfigApplied, ControlRefused, Tick
from schemas.recent_keys import RecentKeys
from schemas.topics import TOPIC_OF
from schemas.units import NS_PER_S

SIGNED = (Command, Override, SettingChange, Adjustment, Proposal, Decision, Acknowledgement, AccessEvent)
WATCHED = frozenset({Tick, ConfigApplied, *SIGNED})
"""Input types that `admit` checks."""
TOLD_AGAIN_NS = 10 * NS_PER_S
"""Minimum interval between refusals reported to a core, so that a flood does not bury other alerts."""
_SIGNERS_MAX = 10_000
_IDS_MAX = 10_000
_HOWEVER_LATE = ("halt", "stop")
"""Actions without an age limit. This includes adjustments: they wait in the log for the next start, and the
resulting ledger is reconciled with the account before quoting."""


class SignatureCheck:
    """Verifies signature, key, scope, age and novelty. Without keys in the configuration, as in logs from
    before signatures existed, it admits everything.
    """

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._age_ns_max = 0
        self._now_ns = 0
        """The latest injected time: ages are measured by it, not by a clock."""
        self._numbers: OrderedDict[tuple[str, str, str], int] = OrderedDict()
        """Number of the newest message by signer, topic and key, see `Signed`."""
        self._ids = RecentKeys(_IDS_MAX)
        self._refused = 0
        self._told_ns: int | None = None

    @property
    def is_armed(self) -> bool:
        """Whether signatures are required."""
        return bool(self._keys)

    @property
    def now_ns(self) -> int:
        """The latest injected time."""
        return self._now_ns

    def admit(self, event: Event) -> Event | None:
        """The event to pass to the core for an input; None: nothing."""
        if isinstance(event, Tick):
            self._now_ns = event.event_time_ns
        elif isinstance(event, ConfigApplied):
            self._configure(event.config.control)
            self._now_ns = max(self._now_ns, event.event_time_ns)
        elif isinstance(event, PeopleEvent) and self._keys:
            because = self._refusal(event)
            if because is not None:
                return self._refuse(event, because)
            if isinstance(event, Command) and not self._counts(event):
                return None
        return event

    def carried(self) -> tuple[tuple[tuple[str, str, str, int], ...], tuple[str, ...]]:
        """Newest numbers by signer, topic and key, and ids of commands that must not be obeyed again."""
        numbers = tuple((*place, number) for place, number in self._numbers.items())
        return numbers, tuple(self._ids)

    def restore(self, numbers: Iterable[tuple[str, str, str, int]], command_ids: Iterable[str]) -> None:
        """Restore the carried state."""
        for signer, topic, key, number in numbers:
            self._record((signer, topic, key), number)
        for command_id in command_ids:
            self._ids.add(command_id)

    def _configure(self, control: Control) -> None:
        self._keys = {key_id_of(public): public for public in control.public_keys}
        self._age_ns_max = control.age_s_max * NS_PER_S

    def _counts(self, command: Command) -> bool:
        """A request received by a second gateway counts once; a halt always counts."""
        return command.action == "halt" or self._ids.add(command.command_id)

    def _refusal(self, event: PeopleEvent) -> str | None:
        signed = verify(event, self._keys)
        if isinstance(signed, str):
            return signed
        if not event.is_in_scope():
            return f"it is beyond the scope of whoever said it: {event.key}"
        age_ns = self._now_ns - event.event_time_ns
        if age_ns > self._age_ns_max and not _counts_however_late(event):
            return f"it was signed {age_ns // NS_PER_S} s ago"
        place = (signed.signer, TOPIC_OF[event.type_name], event.key)
        if signed.number <= self._numbers.get(place, 0):
            return "it was there before"
        self._record(place, signed.number)
        return _unlike_shown(event)

    def _record(self, place: tuple[str, str, str], number: int) -> None:
        self._numbers[place] = number
        self._numbers.move_to_end(place)
        if len(self._numbers) > _SIGNERS_MAX:
            self._numbers.popitem(last=False)

    def _refuse(self, event: PeopleEvent, because: str) -> ControlRefused | None:
        now_ns = self._now_ns or event.event_time_ns
        if self._told_ns is not None and 0 <= now_ns - self._told_ns < TOLD_AGAIN_NS:
            self._refused += 1
            return None
        more, self._refused, self._told_ns = self._refused, 0, now_ns
        return ControlRefused(
            event_time_ns=now_ns,
            venue=event.venue[:64],
            symbol=event.symbol[:64],
            what=f"{event.type_name} {getattr(event, 'action', '')}".rstrip(),
            claimed=str(getattr(event, "principal", None) or getattr(event, "requester", ""))[:128],
            because=because,
            more=more,
        )


def _counts_however_late(event: PeopleEvent) -> bool:
    return isinstance(event, Adjustment) or getattr(event, "action", None) in _HOWEVER_LATE


def _unlike_shown(event: PeopleEvent) -> str | None:
    """An approval is only for what the second person was shown; readers check previous values."""
    if isinstance(event, Override) and event.approved_digest != event.held_digest():
        return f"{event.approver} was shown another order than this"
    if isinstance(event, Adjustment) and event.approver is not None:
        is_shown = event.approved_digest == event.held_digest()
        return None if is_shown else f"{event.approver} was shown another change than this"
    if not isinstance(event, SettingChange) or event.approver is None:
        return None
    return None if event.approved_digest else f"nothing says what {event.approver} was shown"


def digest_of(core: object, signature_check: SignatureCheck) -> str:
    """Digest of a process's complete state; without signatures, as in old logs, of the core only."""
    return state_digest((core, signature_check) if signature_check.is_armed else core)
