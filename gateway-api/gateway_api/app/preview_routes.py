"""Previews of a changed setting, computed outside the engine's event loop."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway_api.app.authorisation import Authorisation, identity_of
from gateway_api.app.bodies import StrictRoute
from gateway_api.app.current import CurrentConfig
from gateway_api.app.problems import ProblemError, documented
from gateway_api.app.reading import find_key, view_of
from gateway_api.app.responses import Answer, ExplainedSide
from gateway_api.app.setting_changes import judged
from gateway_api.history.client import HistoryClient
from runtime.process.definition import GatewayContext
from schemas.control import SettingText
from schemas.live_settings import changed
from schemas.views import ACCOUNT_DOCUMENT, SYMBOL_PREFIX

PREVIEW_S_MAX = 15.0
"""The first preview waits for its process to start."""
_PROBLEMS = documented(401, 403, 404, 409, 422, 429, 503)


class PreviewRequest(BaseModel):
    """Preview a setting on the newest quote of a symbol."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(max_length=128)]
    value: SettingText
    symbol: Annotated[str, Field(max_length=128)]
    venue: Annotated[str | None, Field(max_length=64)] = None


class PreviewSides(Answer):
    """Both sides of a quote."""

    bid: ExplainedSide
    ask: ExplainedSide


class PreviewResponse(Answer):
    """The newest quote of a symbol with the setting in force and with the proposed one."""

    before: PreviewSides
    after: PreviewSides


def make_router(context: GatewayContext, authorisation: Authorisation, previews: HistoryClient) -> APIRouter:
    """The route /maker/settings/preview; `previews` is a separate process."""
    allowed = [authorisation.requires("view")]
    router = APIRouter(route_class=StrictRoute, prefix="/maker", tags=["settings"], dependencies=allowed)
    current = CurrentConfig(context)

    @router.post("/settings/preview", responses=_PROBLEMS)
    async def preview(body: PreviewRequest, request: Request) -> PreviewResponse:
        """The newest quote of a symbol, and the same quote with the proposed value."""
        store = context.store
        key = find_key(store, body.symbol, body.venue, identity_of(request))
        authorisation.check_scope(request, identity_of(request), key)
        view = view_of(store, key)
        config = current.read().config
        judged(config, body.key, body.value)
        if view is None or view.book is None or view.signal is None or view.instrument is None:
            raise ProblemError(
                404, "no_quote_yet", f"{key} has no market data to quote from yet.", "Try again in a second."
            )
        configs = [each.model_dump_json() for each in (config, changed(config, body.key, body.value))]
        documents = [store.get(name) for name in (SYMBOL_PREFIX + key, ACCOUNT_DOCUMENT)]
        view_text, account = (None if document is None else document.decode() for document in documents)
        question = {"view": view_text, "account": account, "configs": configs}
        answer = await previews.ask("preview", question, None)
        return PreviewResponse.model_validate_json(answer.body)

    return router
