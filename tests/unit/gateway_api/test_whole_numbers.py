"""A whole number in a body is written as one: 1.0, true and "1" are refused in every body there is."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError, create_model
from starlette.routing import BaseRoute

from maker.composition import gateway_application
from runtime.process.definition import GatewayContext
from runtime.store.documents import MemoryStore
from schemas.config import Config


def bodies(routes: list[BaseRoute]) -> Iterator[type[BaseModel]]:
    for route in routes:
        yield from bodies(getattr(getattr(route, "original_router", None), "routes", []))
        if isinstance(route, APIRoute) and route.body_field is not None:
            kinds: list[Any] = [route.body_field.field_info.annotation]
            while kinds:
                kind = kinds.pop()
                kinds += get_args(kind)
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    yield kind
                    kinds += [field.annotation for field in kind.model_fields.values()]


def is_whole(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return is_whole(get_args(annotation)[0])
    return annotation is int or any(is_whole(each) for each in get_args(annotation))


def test_every_whole_number_in_every_body_is_strict() -> None:
    context = GatewayContext(
        config=Config(), store=MemoryStore(), send_control=lambda _: None, now_ns=lambda: 0, version="1"
    )
    checked: list[str] = []
    for body in dict.fromkeys(bodies(gateway_application(context).routes)):
        for name, field in body.model_fields.items():
            if not is_whole(field.annotation):
                continue
            checked.append(f"{body.__name__}.{name}")
            fields: dict[str, Any] = {"value": (field.annotation, field)}
            alone = create_model("alone", **fields)
            assert alone.model_validate({"value": 1}).model_dump() == {"value": 1}
            for other in (1.0, True, "1"):
                with pytest.raises(ValidationError):
                    alone.model_validate({"value": other})
    assert {"ResumeRequest.halt_sequence", "OverrideRequest.valid_s"} <= set(checked)
