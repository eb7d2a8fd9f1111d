"""Events folded by a projector core, and the views that came of them."""

from typing import Any

from gateway_api.projector.core.views import ProjectorCore

from schemas.envelope import decode
from schemas.views import SymbolView

KEY = "symbol/synthetic:BTC/USDT"


def feed(core: ProjectorCore, *events: Any) -> None:
    for event in events:
        assert core.on_event(event) == ()


def view(core: ProjectorCore, name: str = KEY) -> SymbolView:
    return decode(SymbolView, core.pop_changed()[name])
