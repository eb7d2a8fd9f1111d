"""Active and ended sessions, shared by all gateways."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway_api.access.identity import Method
from runtime.store.timed import FileTimedStore, MemoryTimedStore, TimedStore
from schemas.deployment import Access

_ENDED = "ended"
_KNOWN_S = 2_592_000.0
_CODE_S = 300.0


@dataclass(frozen=True, slots=True)
class SignedInSession:
    """A session of a user, as listed."""

    session: str
    method: Method
    began_s: float
    ends_s: float
    """Latest end."""
    address: str


def store_of(access: Access, clock: Callable[[], float]) -> TimedStore:
    """A file next to the users file or the key; without either, nothing outlives the process anyway."""
    beside = access.users_file or access.signing_key_file
    if access.sessions_file is None and (beside is None or access.signing_key_file is None):
        return MemoryTimedStore(clock)  # the key itself is lost with the process
    return FileTimedStore(Path(access.sessions_file or f"{beside}.sessions"), clock)


class SignedInSessions:
    """Begins, lists and ends sessions."""

    def __init__(self, store: TimedStore) -> None:
        self._store = store

    async def begin(self, name: str, session: SignedInSession) -> None:
        """Record a session that can be listed and ended from elsewhere."""
        await self._store.put(_place(name), session.session, json.dumps(asdict(session)), session.ends_s)

    async def state(self, name: str, session: str) -> str | None:
        """`live`, `ended`, or None if unknown."""
        found = await self._store.get(_place(name), session)
        return None if found is None else "ended" if found == _ENDED else "live"

    async def end(self, name: str, session: str, until_s: float) -> None:
        """Revoke a session until it would have expired anyway."""
        await self._store.put(_place(name), session, _ENDED, until_s)

    async def of(self, name: str) -> tuple[SignedInSession, ...]:
        """The user's live sessions, newest first."""
        found = await self._store.items(_place(name))
        live: list[dict[str, Any]] = [json.loads(each) for each in found.values() if each != _ENDED]
        return tuple(sorted((SignedInSession(**each) for each in live), key=lambda each: -each.began_s))

    async def use_token(self, session: str, token: str, until_s: float) -> bool:
        """Record the use of a refresh token; false where it was used before."""
        return await self._store.add(f"refreshed:{session}", token, "", until_s)

    async def use_code(self, name: str, step: int, now_s: float) -> bool:
        """Record the use of a time step's code; false where it was used before."""
        return await self._store.add(f"codes:{name}", str(step), "", now_s + _CODE_S)

    async def knows(self, name: str, address: str) -> bool:
        """Whether this user has signed in from this address before."""
        return await self._store.get(f"known:{name}", address) is not None

    async def know(self, name: str, address: str, now_s: float) -> None:
        """Record a sign-in of this user from this address."""
        await self._store.put(f"known:{name}", address, "", now_s + _KNOWN_S)

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()


def _place(name: str) -> str:
    return f"sessions:{name}"
