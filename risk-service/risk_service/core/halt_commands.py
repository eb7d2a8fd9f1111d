"""What people's commands do to a halt: latch it, end it, let orders that reduce out under it."""

from typing import Literal, NamedTuple

from risk_service.core.scope import Scope
from schemas.config import RiskLimits
from schemas.control import Command, CommandAction
from schemas.units import NS_PER_S

HALT_ACTIONS: tuple[CommandAction, ...] = (
    "halt",
    "resume_request",
    "resume",
    "halt_flatten",
    "approve_flatten",
)


class Obeyed(NamedTuple):
    """The effect of a command."""

    effect: Literal["refused", "changed", "requested", "resumes"]
    """resumes: the caller ends the halt."""
    alert: tuple[str, str] | None = None
    """Name and text."""


def obey(command: Command, scope: Scope, limits: RiskLimits, now_ns: int) -> Obeyed:
    """Apply a command to the scope that it names."""
    match command.action:
        case "halt":
            scope.latch("COMMAND", _cause(command))
            scope.end_flatten()
            return Obeyed("changed")
        case "halt_flatten":
            scope.latch("COMMAND", _cause(command))
            return _ask_flatten(command, scope, limits, now_ns)
        case "approve_flatten":
            return _approve_flatten(command, scope, limits, now_ns)
        case _:
            return _resume(command, scope, limits, now_ns)


def _cause(command: Command) -> str:
    return f"COMMAND: {command.reason} by {command.principal}"


def _within_ns(limits: RiskLimits) -> int:
    return int(limits.resume_within_s * NS_PER_S)


def _ask_flatten(command: Command, scope: Scope, limits: RiskLimits, now_ns: int) -> Obeyed:
    """Letting orders out under a halt takes as many people as ending it."""
    is_enough = limits.resume_people == 1
    scope.ask_flatten(command.principal, now_ns, _within_ns(limits), is_enough=is_enough)
    if is_enough:
        return Obeyed("changed", ("FLATTEN", f"{_what(scope)}, as {command.principal} asks"))
    text = f"{command.principal} asks: {_what(scope)}, once a second person has agreed"
    return Obeyed("changed", ("FLATTEN_REQUESTED", text))


def _approve_flatten(command: Command, scope: Scope, limits: RiskLimits, now_ns: int) -> Obeyed:
    who = (command.principal, command.agrees_with)
    if scope.is_halted_by(command.halt_sequence) and scope.approve_flatten(*who, now_ns, _within_ns(limits)):
        return Obeyed("changed", ("FLATTEN", f"{_what(scope)}, as {command.principal} agrees"))
    named = "the present halt" if command.halt_sequence is None else f"halt {command.halt_sequence}"
    text = f"{command.principal} agrees to a flatten under {named}, but {scope.latch_text}"
    if scope.is_halted_by(command.halt_sequence):
        text += ", and nobody else asked for it in time"
    return Obeyed("refused", ("FLATTEN_REFUSED", text))


def _what(scope: Scope) -> str:
    return f"orders that reduce what is held go out under halt {scope.halt_sequence}"


def _resume(command: Command, scope: Scope, limits: RiskLimits, now_ns: int) -> Obeyed:
    if not scope.is_halted_by(command.halt_sequence):
        text = f"resume of halt {command.halt_sequence}, but {scope.latch_text}"
        return Obeyed("refused", ("RESUME_REFUSED", text))
    who = (command.principal, command.agrees_with, now_ns, _within_ns(limits))
    is_enough = limits.resume_people == 1 or scope.has_first(*who)
    if command.action == "resume" and is_enough:
        return Obeyed("resumes")
    scope.record_request(*who)
    text = f"{command.principal} asks to end halt {scope.halt_sequence}: a second person has to agree"
    return Obeyed("requested", ("RESUME_REQUESTED", text))
