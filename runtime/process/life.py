"""A core with its input checks, fed in the same way by a running process, a restart and a replay.

A life begins with a configuration; a ConfigApplied of a new session restarts it with a new core.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import localcontext

import structlog

from runtime.process.arithmetic import DECIMALS
from runtime.process.containment import Containment
from runtime.process.definition import Carries, Core, ProcessDefinition
from runtime.process.signature_check import WATCHED, SignatureCheck, digest_of
from schemas.carried.runtime import ProcessCarried, StateMessageCarried
from schemas.config import Config
from schemas.control import SettingChange
from schemas.envelope import decode, encode
from schemas.live_settings import changed
from schemas.live_values import with_change
from schemas.message import Event, SymbolEvent
from schemas.process import ConfigApplied, LiveValue, MessageFault, SettingApplied
from schemas.topics import BY_NAME, MESSAGE_TYPES, TOPIC_OF, TOPICS

_COMPACTED = frozenset(message for topic in TOPICS if topic.compacted for message in topic.messages)
CHECKED = WATCHED | _COMPACTED | {ProcessCarried, StateMessageCarried}
"""Input types that `admit` checks; others reach the core unchanged."""
_FAULT_READERS = BY_NAME[TOPIC_OF[MessageFault.type_name]].readers

logger = structlog.get_logger()


def _core(definition: ProcessDefinition, config: Config) -> Core:
    with localcontext(DECIMALS):
        return definition.make_core(config)


def _message_of(carried: StateMessageCarried) -> Event | None:
    """The message; None where this code no longer knows its type: its writer will publish it again."""
    try:
        return decode(MESSAGE_TYPES[carried.message_type], carried.payload.encode())
    except (KeyError, ValueError) as error:
        logger.warning(
            "state_message_not_carried",
            message=carried.message_type,
            symbol=carried.symbol_key,
            error=repr(error),
        )
        return None


@dataclass(slots=True)
class LifeState:
    """The state of a life, without its definition."""

    core: Core
    faults: dict[str, int]
    signature_check: SignatureCheck
    applied: ConfigApplied | None
    state_messages: dict[str, SymbolEvent]
    live_settings: tuple[LiveValue, ...]


class Life:
    """The state of one process, and how inputs reach it."""

    def __init__(self, definition: ProcessDefinition, name: str, config: Config) -> None:
        self.definition = definition
        self.name = name
        self.signature_check = SignatureCheck()
        self.containment = Containment(_core(definition, config), name)
        self.applied: ConfigApplied | None = None
        """The configuration at the start of its session; None: not started."""
        self.state_messages: dict[str, SymbolEvent] = {}
        """The newest message of each compacted topic, by type and key."""
        self.live_settings: tuple[LiveValue, ...] = ()
        """Live changes in force."""

    @property
    def core(self) -> Core:
        """The current core."""
        return self.containment.core

    @property
    def session_began_ns(self) -> int:
        """Identifies the session."""
        return 0 if self.applied is None else self.applied.session_began_ns

    def begin(self, applied: ConfigApplied) -> None:
        """Start a session, or resume one after a restart. The core must not publish anything."""
        if self.applied is None:
            self._adopt(applied)
        elif applied.session_began_ns != self.applied.session_began_ns:
            self.renew(applied)
        self.signature_check.admit(applied)
        with localcontext(DECIMALS):
            outputs = self.core.on_event(applied)
        if outputs:
            raise RuntimeError(f"{self.name} published {outputs[0].type_name} because of its configuration")

    def _adopt(self, applied: ConfigApplied) -> None:
        self.applied = applied
        self.live_settings = applied.live_settings

    def renew(self, applied: ConfigApplied) -> None:
        """A new core under a configuration that it has not received yet."""
        self.signature_check = SignatureCheck()
        self.containment = Containment(_core(self.definition, applied.config), self.name)
        self.state_messages = {}
        self._adopt(applied)

    def admit(self, event: Event) -> Event | None:
        """The event to pass to the core for an input; None: nothing."""
        if type(event) not in CHECKED:
            return event
        if isinstance(event, ProcessCarried):
            self.signature_check.restore(event.numbers, event.command_ids)
            return event.fault
        if isinstance(event, StateMessageCarried):
            message = _message_of(event)
            if message is None:
                return None
            event = message
        if isinstance(event, SymbolEvent) and type(event) in _COMPACTED:
            self.state_messages[f"{event.type_name} {event.key}"] = event
            return event
        return self.signature_check.admit(event)

    def decide(self, event: Event, cause: str | None) -> tuple[Event, ...]:
        """The core's outputs for an admitted input; `cause` is its event id, None for injected time."""
        if type(event) is MessageFault and self.definition.name not in _FAULT_READERS:
            return (event,)  # found at the start, for the readers of faults
        outputs = self.containment.feed(event, cause)
        if type(event) is SettingChange:
            self._record_settings(outputs)
        return outputs

    def _record_settings(self, outputs: Iterable[Event]) -> None:
        for output in outputs:
            if isinstance(output, SettingApplied) and self.applied is not None:
                self.live_settings = with_change(self.applied, self.live_settings, output)

    def in_force(self) -> ConfigApplied:
        """The configuration in force, including live changes, as for a session starting now."""
        if self.applied is None:
            raise RuntimeError(f"{self.name} has not begun")
        config = self.applied.config
        for value in self.applied.live_settings:
            config = changed(config, value.setting_key, value.file_value)
        for value in self.live_settings:
            config = changed(config, value.setting_key, value.value)
        return self.applied.model_copy(update={"config": config, "live_settings": self.live_settings})

    def digest(self) -> str:
        """Digest of its complete state."""
        return digest_of(self.containment.state, self.signature_check)

    def carried(self, now_ns: int) -> tuple[Event, ...]:
        """The first inputs for a life under different code or configuration."""
        numbers, command_ids = self.signature_check.carried()
        about = ProcessCarried(
            event_time_ns=now_ns, process=self.name, numbers=numbers, command_ids=command_ids
        )
        with localcontext(DECIMALS):
            own = tuple(self.core.carried(now_ns)) if isinstance(self.core, Carries) else ()
        return (about, *own, *(self._carried(each, now_ns) for each in self.state_messages.values()))

    def _carried(self, message: SymbolEvent, now_ns: int) -> StateMessageCarried:
        return StateMessageCarried(
            event_time_ns=now_ns,
            process=self.name,
            venue=message.venue,
            symbol=message.symbol,
            message_type=message.type_name,
            payload=encode(message).decode(),
        )

    def state(self) -> LifeState:
        """The complete state, for a snapshot under the same code."""
        return LifeState(
            self.core,
            dict(self.containment.reported),
            self.signature_check,
            self.applied,
            self.state_messages,
            self.live_settings,
        )

    def restore(self, state: LifeState) -> None:
        """Restore the state of a snapshot."""
        self.containment = Containment(state.core, self.name, state.faults)
        self.signature_check = state.signature_check
        self.applied = state.applied
        self.state_messages = state.state_messages
        self.live_settings = state.live_settings
