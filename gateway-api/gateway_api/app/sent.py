"""What was sent under which id: the same request twice is one command."""

from collections import OrderedDict
from typing import TypeVar

from chassis.process import GatewayContext
from gateway_api.app.problems import ProblemError
from schemas.control import ControlEvent

_IDS_REMEMBERED = 1_024
_TIMES = ("event_time_ns", "valid_until_ns")

_E = TypeVar("_E", bound=ControlEvent)


class Sent:
    """The newest messages by their ids. The engine knows each id too; this answers with the same time."""

    def __init__(self, context: GatewayContext) -> None:
        self._context = context
        self._sent: OrderedDict[str, ControlEvent] = OrderedDict()

    def once(self, identifier: str, event: _E) -> _E:
        """Send, or find what the same id already sent; raises ProblemError where that was something else."""
        known = self._sent.get(identifier)
        if known is None:
            self._sent[identifier] = event
            if len(self._sent) > _IDS_REMEMBERED:
                self._sent.popitem(last=False)
            self._context.send_control(event)
            return event
        if type(known) is not type(event) or not _is_same(known, event):
            raise ProblemError(
                422,
                "idempotency_key_reused",
                f"{identifier!r} already belongs to: {_text(known)}.",
                "Use a new key for a new command.",
            )
        return known


def _is_same(known: ControlEvent, event: ControlEvent) -> bool:
    times = {name: getattr(known, name) for name in _TIMES if name in type(known).model_fields}
    return known == event.model_copy(update=times)


def _text(event: ControlEvent) -> str:
    action = getattr(event, "action", event.type_name)
    return f"{action} {event.key}"
