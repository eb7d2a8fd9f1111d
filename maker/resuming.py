"""The messages that end a halt, and how many people that takes."""

import os
from typing import Any

from maker.asking import AskedOfEngine
from schemas.config import Config
from schemas.control import Command


class Resume(AskedOfEngine):
    """The end of one halt."""

    halt_sequence: int
    """The halt to end: a newer one stays in force."""


def resume_commands(resume: Resume, now_ns: int) -> list[Command]:
    """One command per request or approval, unsigned."""
    venue, _, symbol = resume.key.partition(":")
    return [
        Command(
            event_time_ns=now_ns,
            venue=venue,
            symbol=symbol,
            command_id=f"resume-{os.urandom(12).hex()}",
            action="resume_request" if word.is_request else "resume",
            principal=word.principal,
            reason=resume.reason,
            halt_sequence=resume.halt_sequence,
            agrees_with=word.agrees_with,
        )
        for word in resume.words
    ]


def rule_document(config: Config) -> dict[str, Any]:
    """How many people may end a halt or correct a ledger, and which users."""
    return {"people": config.risk_limits.resume_people, "access": config.access.model_dump(mode="json")}
