"""The parts of an account that shards of order-router may use: stated, and together never more than it."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.config import Config
from schemas.deployment import Process
from schemas.sharding import shards_of
from schemas.topics import INVENTORY, MONITOR, PATH, QUOTE, ROUTER


def shares(**fields: Any) -> list[Fraction]:
    process = Process.model_validate(fields)
    return [process.model_copy(update={"shard": number}).account_share for number in range(process.shards)]


def test_who_serves_all_symbols_has_all_of_the_account() -> None:
    assert Process().account_share == 1
    assert Process(shard=0).account_share == 1
    assert Process(shards=4).account_share == 1  # at an exchange one router serves all shards


def test_without_stated_shares_the_parts_are_equal() -> None:
    assert shares(shards=3) == [Fraction(1, 3)] * 3


def test_stated_shares_are_as_written() -> None:
    assert shares(shards=3, shard_shares=(0.7, 0.2, 0.1)) == [
        Fraction(7, 10),
        Fraction(1, 5),
        Fraction(1, 10),
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shards": 2, "shard_shares": (0.6, 0.5)}, "shard_shares sum up to 1.1, .* at most 1"),
        ({"shards": 3, "shard_shares": (0.5, 0.5)}, "shard_shares has 2 parts, but shards is 3"),
        ({"shards": 2, "shard_shares": (1.0, 0.0)}, "greater than 0"),
        ({"shards": 2, "shard": 2}, "shard is 2, but there are 2, counted from 0"),
    ],
)
def test_shares_that_are_not_of_one_account_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Process.model_validate(fields)


@given(st.lists(st.integers(1, 999), min_size=1, max_size=20))
def test_shares_in_thousandths_are_summed_exactly(parts: list[int]) -> None:
    """0.1 + 0.2 + 0.7 is 1, and no share more is."""
    fields = {"shards": len(parts), "shard_shares": tuple(part / 1000 for part in parts)}
    if sum(parts) <= 1000:
        assert sum(shares(**fields)) <= 1 or len(parts) == 1
    else:
        with pytest.raises(ValidationError, match="at most 1"):
            Process.model_validate(fields)


def test_the_symbols_are_shared_by_the_path_and_its_members_but_at_an_exchange_not_by_the_router() -> None:
    config = Config(process=Process(shards=3))
    assert [shards_of(config, name) for name in (MONITOR, QUOTE, ROUTER, PATH, INVENTORY)] == [3, 3, 3, 3, 1]
    live = config.model_copy(update={"venue": config.venue.model_copy(update={"kind": "ccxt"})})
    assert [shards_of(live, name) for name in (MONITOR, QUOTE, ROUTER, PATH, INVENTORY)] == [3, 3, 1, 1, 1]
