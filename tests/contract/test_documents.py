"""The committed documents say what the code says, and what is on the wire is what they say."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from maker import asyncapi
from maker.gateway import gateway_document
from maker.parameters import parameter_tables
from schemas.config import Config
from schemas.topics import MESSAGE_TYPES, TOPICS
from tests.contract.example_values import FOLDER

API = Path(__file__).resolve().parents[2] / "docs" / "api"
STALE = "run `make docs`, and look at what has changed: others read these documents"


def committed(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((API / name).read_text())
    return found


def test_the_topics_are_described_as_they_are() -> None:
    assert committed("asyncapi.json") == asyncapi.document(Config()), STALE


def test_the_http_interface_is_described_as_it_is() -> None:
    assert committed("openapi.json") == gateway_document(Config(), lambda: 0), STALE


def test_the_parameters_are_described_as_they_are() -> None:
    assert (API.parent / "PARAMETERS.md").read_text() == parameter_tables() + "\n", STALE


@pytest.mark.parametrize("name", list(MESSAGE_TYPES))
def test_a_golden_message_is_as_the_document_says(name: str) -> None:
    document = committed("asyncapi.json")
    message = document["components"]["messages"][name]
    schema = {**message["payload"], "components": document["components"]}
    validator = Draft202012Validator(schema)
    validator.validate(json.loads((FOLDER / f"{name}.json").read_text()))
    assert not validator.is_valid({})


def test_every_topic_has_its_writer_and_its_readers() -> None:
    operations = committed("asyncapi.json")["operations"]
    for topic in TOPICS:
        channel = {"$ref": f"#/channels/{topic.name}"}
        sent = [each for each in operations.values() if each["channel"] == channel]
        senders = [each["tags"][0]["name"] for each in sent if each["action"] == "send"]
        receivers = [each["tags"][0]["name"] for each in sent if each["action"] == "receive"]
        assert senders == [topic.writer.replace(" ", "-")]
        assert receivers == [reader.replace(" ", "-") for reader in topic.readers]


@pytest.mark.parametrize("name", ["asyncapi.json", "openapi.json"])
def test_every_reference_leads_somewhere(name: str) -> None:
    document = committed(name)

    def references(part: Any) -> Any:
        if isinstance(part, dict):
            for key, value in part.items():
                if key == "$ref":
                    yield value
                else:
                    yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    for reference in set(references(document)):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place
