"""Idempotency: the same request twice counts once, at this gateway or at another."""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated
from uuid import uuid4

from fastapi import Header, Request
from pydantic import BaseModel

from gateway_api.app.problems import ProblemError
from runtime.process.definition import GatewayContext
from schemas.control import ControlEvent
from schemas.envelope import decode
from schemas.tallies import RequestSeen
from schemas.views import REQUESTS_PREFIX, RequestsView

_REMEMBERED_MAX = 10_000
_DIGEST_LENGTH = 32

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="chosen by the client: the same key and body twice counts as one request",
    ),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """A user's request, identified by user and idempotency key."""

    principal: str
    key_digest: str | None
    """Digest of user and key; None: no key was given, so the request is unique."""
    body_digest: str

    @property
    def request(self) -> str | None:
        """The form carried in messages."""
        return None if self.key_digest is None else f"{self.key_digest}-{self.body_digest}"

    @property
    def identifier(self) -> str:
        """Id of the resulting command or change: the same at every gateway, and unique to the user."""
        return self.request or uuid4().hex


def asked(principal: str, idempotency_key: str | None, request: Request, body: BaseModel) -> Asked:
    """A user's request with this body."""
    key = None if idempotency_key is None else _digest(principal, idempotency_key)
    return Asked(principal, key, _digest(request.method, request.url.path, body.model_dump_json()))


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:_DIGEST_LENGTH]


class SentControls:
    """Recent requests by key: this gateway's own, and those of all gateways in the state store."""

    def __init__(self, context: GatewayContext) -> None:
        self._context = context
        self._own: OrderedDict[str, RequestSeen] = OrderedDict()

    def answered(self, asked: Asked) -> RequestSeen | None:
        """The earlier answer to the same request; raises ProblemError if the key belongs to another one."""
        seen = self._seen(asked)
        if seen is None or seen.request == asked.request:
            return seen
        raise ProblemError(
            422,
            "idempotency_key_reused",
            f"The key was already used for another request of {asked.principal}, {seen.identifier}.",
            "Use a new key for a new request.",
        )

    def has_answered(self, asked: Asked) -> RequestSeen | None:
        """Like `answered`, but another request under the same key counts as new."""
        seen = self._seen(asked)
        return seen if seen is not None and seen.request == asked.request else None

    def send(self, asked: Asked, identifier: str, event: ControlEvent) -> None:
        """Send the resulting message and remember it. Raises DependencyError if it would not be received."""
        self._context.send_control(event)
        if asked.key_digest is not None and asked.request is not None:
            self._own.setdefault(
                asked.key_digest,
                RequestSeen(
                    event_time_ns=event.event_time_ns,
                    request=asked.request,
                    identifier=identifier,
                    kind=event.type_name,
                ),
            )
            if len(self._own) > _REMEMBERED_MAX:
                self._own.popitem(last=False)

    def _seen(self, asked: Asked) -> RequestSeen | None:
        if asked.key_digest is None:
            return None
        own = self._own.get(asked.key_digest)
        return own or next((each for each in self._stored(asked) if _is_of(each, asked)), None)

    def _stored(self, asked: Asked) -> tuple[RequestSeen, ...]:
        document = self._context.store.get(REQUESTS_PREFIX + asked.principal)
        return () if document is None else decode(RequestsView, document).seen


def _is_of(seen: RequestSeen, asked: Asked) -> bool:
    return seen.request.partition("-")[0] == asked.key_digest
