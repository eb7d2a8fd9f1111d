"""What happens to the engine, day by day: drawn from a seed, so that a soak can be had again."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

Kind = Literal[
    "ordinary",
    "terminated",
    "killed",
    "killed again",
    "spread in the file",
    "limits in the file",
    "changed live",
    "halted",
    "resumed",
    "upgraded",
    "symbols go",
    "symbols come",
    "folder copied",
    "clock an hour later",
    "clock an hour back",
    "disk full",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
DAY_S = 86_400
WHAT: dict[Kind, str] = {
    "ordinary": "stopped when its time is over, and started again",
    "terminated": "SIGTERM at a random moment",
    "killed": "SIGKILL at a random moment",
    "killed again": "the same, and the next start killed while it opens its log",
    "spread in the file": "another spread in the file; what was changed live of it ends",
    "limits in the file": "another limit of risk in the file",
    "changed live": "a setting changed by a person while it runs",
    "halted": "a symbol halted by a person while it runs",
    "resumed": "its halt ended by a person",
    "upgraded": "other sources: another hash of the code",
    "symbols go": "three symbols are no longer listed",
    "symbols come": "all symbols are listed",
    "folder copied": "the folder copied, the copy gone on with, the first deleted",
    "clock an hour later": "an hour that nobody saw",
    "clock an hour back": "a start an hour before the log's end: refused, nothing written",
    "disk full": "no file can grow beyond some hundred kilobytes while it trades",
}


@dataclass(frozen=True)
class Step:
    """One life: when it begins and ends, in seconds since the beginning, and what is done to it."""

    kind: Kind
    begin_s: float
    end_s: float
    fraction: float
    """How far it gets before something random happens to it."""
    number: int


def plan(seed: int, days: float, life_s: float, kinds: Sequence[Kind] = KINDS) -> list[Step]:
    """Lives of some length, one after another. Every kind comes once before any comes again."""
    random = Random(f"{seed} plan")
    deck: list[Kind] = []
    steps: list[Step] = []
    count = max(1, round(days * DAY_S / life_s))
    for number in range(count):
        if not deck:
            deck = [kind for kind in kinds if kind != "disk full"]
            random.shuffle(deck)
        is_full = "disk full" in kinds and number == count // 2
        kind: Kind = "disk full" if is_full else deck.pop()
        fraction = random.uniform(0.1, 0.9)
        steps.append(Step(kind, number * life_s, (number + 1) * life_s, fraction, number))
    return steps
