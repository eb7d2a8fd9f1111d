"""Request bodies: JSON whose keys are unique, and whole numbers that were written as such."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import Strict

from schemas.numbers import shortened

WholeNumber = Annotated[int, Strict()]
"""Not 1.0, true or "1": a program that sends one of those means something else."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise json.JSONDecodeError(f"the key {shortened(twice)!r} is repeated", "", 0)
    return found


class _StrictRequest(Request):
    async def json(self) -> Any:
        """The body; raises json.JSONDecodeError for a repeated key too: others would read the first."""
        return json.loads(await self.body(), object_pairs_hook=_unique)


class StrictRoute(APIRoute):
    """A route whose body may not have a key twice."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """See APIRoute."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly
