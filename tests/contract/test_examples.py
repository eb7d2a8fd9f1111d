"""Golden messages: what was once on the wire must decode for ever, and encode to the same bytes."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from schemas.config import Config
from schemas.envelope import decode, encode
from schemas.message import Event
from schemas.quoting import QuoteTarget
from schemas.risk import RiskState
from schemas.topics import MESSAGE_TYPES
from tests.contract.example_values import FOLDER
from tests.contract.make_examples import examples, field_paths, lost_fields, write_examples

each_type = pytest.mark.parametrize("model", MESSAGE_TYPES.values(), ids=list(MESSAGE_TYPES))
"""Every message type of every topic."""


def golden(model: type[Event]) -> bytes:
    return (FOLDER / f"{model.type_name}.json").read_bytes().removesuffix(b"\n")


def fields_of(model: type[Event]) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(golden(model))
    return fields


def test_every_type_has_an_example_and_every_example_a_type() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{name}.json" for name in MESSAGE_TYPES)


@each_type
def test_an_example_decodes_and_encodes_to_the_same_bytes(model: type[Event]) -> None:
    assert encode(decode(model, golden(model))) == golden(model)


@each_type
def test_the_generator_makes_the_fields_of_the_examples_in_place(model: type[Event]) -> None:
    """Its values may differ: a default of the configuration may change without breaking the contract."""
    made = json.loads(encode(examples()[model.type_name]))
    assert list(field_paths(made)) == list(field_paths(fields_of(model)))


@each_type
def test_an_example_fills_every_field(model: type[Event]) -> None:
    fields = fields_of(model)
    assert set(fields) == set(model.model_fields)
    assert [name for name, value in fields.items() if value in (None, "", [], {})] == []


def test_an_example_of_the_configuration_names_every_key() -> None:
    config = json.loads((FOLDER / "process.config.v1.json").read_text())["config"]

    def check(values: dict[str, Any], model: type[BaseModel]) -> None:
        assert set(values) == set(model.model_fields)
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                check(values[name], field.annotation)

    check(config, Config)


@each_type
def test_a_reader_ignores_a_field_that_it_does_not_know(model: type[Event]) -> None:
    payload = json.dumps(fields_of(model) | {"field_of_a_later_version": 1}).encode()
    if model.model_config["extra"] == "forbid":
        with pytest.raises(ValidationError, match="field_of_a_later_version"):
            decode(model, payload)
    else:
        assert encode(decode(model, payload)) == golden(model)


def test_a_reader_ignores_an_unknown_field_in_a_part_of_a_message() -> None:
    fields = fields_of(QuoteTarget)
    fields["bid"]["later"] = 1
    fields["bid"]["steps"][0]["later"] = 1
    assert encode(decode(QuoteTarget, json.dumps(fields).encode())) == golden(QuoteTarget)


@pytest.mark.parametrize("path", [(), ("market_making",), ("market_data", "volatility"), ("feed",)])
def test_the_configuration_refuses_an_unknown_key_at_any_depth(path: tuple[str, ...]) -> None:
    values: dict[str, Any] = Config().model_dump(mode="json")
    section = values
    for name in path:
        section = section[name]
    section["base_spred"] = 1
    with pytest.raises(ValidationError, match="base_spred") as caught:
        Config.model_validate(values)
    assert caught.value.errors()[0]["type"] == "extra_forbidden"


@each_type
def test_a_field_without_a_default_is_required(model: type[Event]) -> None:
    for name, field in model.model_fields.items():
        payload = json.dumps({key: value for key, value in fields_of(model).items() if key != name}).encode()
        if field.is_required():
            with pytest.raises(ValidationError, match=name):
                decode(model, payload)
        else:
            decode(model, payload)


@each_type
def test_a_message_cannot_be_changed(model: type[Event]) -> None:
    message = decode(model, golden(model))
    for name in model.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(message, name, getattr(message, name))


def test_the_parts_of_a_message_cannot_be_changed() -> None:
    target = decode(QuoteTarget, golden(QuoteTarget))
    for part, name, value in ((target.bid, "prices", (1,)), (target.bid.steps[0], "input", 0.0)):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@each_type
def test_no_field_takes_a_number_that_is_none(model: type[Event], number: str) -> None:
    fields = fields_of(model)
    numbers = [name for name, field in model.model_fields.items() if is_number(field.annotation)]
    assert "event_time_ns" in numbers
    for name in numbers:
        for value in (number, float(number)):
            with pytest.raises(ValidationError, match=name):
                decode(model, json.dumps(fields | {name: value}).encode())
            with pytest.raises(ValidationError, match=name):
                model.model_validate(fields | {name: value})


def is_number(annotation: Any) -> bool:
    return any(kind in (int, float, Decimal) for kind in (annotation, *get_args(annotation)))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["input", "effect_bps", "price_after"])
def test_no_step_of_a_quote_takes_a_number_that_is_none(name: str, number: float) -> None:
    fields = fields_of(QuoteTarget)
    fields["bid"]["steps"][0][name] = number
    with pytest.raises(ValidationError, match=name):
        decode(QuoteTarget, json.dumps(fields).encode())


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["value", "limit"])
def test_no_use_of_a_limit_takes_a_number_that_is_none(name: str, number: float) -> None:
    fields = fields_of(RiskState)
    fields["limits"][0][name] = number
    with pytest.raises(ValidationError, match=name):
        decode(RiskState, json.dumps(fields).encode())


@each_type
def test_a_time_before_1970_is_refused(model: type[Event]) -> None:
    with pytest.raises(ValidationError, match="event_time_ns"):
        decode(model, json.dumps(fields_of(model) | {"event_time_ns": -1}).encode())


class TestGenerator:
    """It may add to the contract, and never takes from it."""

    def test_fields_have_dotted_names(self) -> None:
        assert list(field_paths({"a": 1, "b": [{"c": None}, {"d": {"e": 2}}]})) == [
            "a",
            "b",
            "b.c",
            "b.d",
            "b.d.e",
        ]

    def test_a_gained_field_is_no_loss(self) -> None:
        assert lost_fields(b'{"a": 1}', b'{"a": 2, "b": 3}') == []

    def test_a_renamed_field_is_a_loss(self) -> None:
        assert lost_fields(b'{"a": {"size": 1}}', b'{"a": {"size_lots": 1}}') == ["a.size"]

    def test_a_renamed_key_of_the_configuration_is_no_loss(self) -> None:
        old = b'{"config": {"engine": {"port": 1}}, "engine": {"port": 1}}'
        new = b'{"config": {"engine": {}, "gateway": {"port": 1}}, "engine": {}}'
        assert lost_fields(old, new) == ["engine.port"]

    def test_an_example_that_would_lose_a_field_stays(self, tmp_path: Path) -> None:
        before = b'{"event_time_ns": 1, "gone": 2}'
        (tmp_path / "market.trade.v1.json").write_bytes(before)
        refused = write_examples(tmp_path)
        assert len(refused) == 1
        assert "market.trade.v1.json would lose gone" in refused[0]
        assert (tmp_path / "market.trade.v1.json").read_bytes() == before
        assert len(list(tmp_path.iterdir())) == len(MESSAGE_TYPES)
