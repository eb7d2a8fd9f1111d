"""Columns: any text comes back from them byte for byte, and logs take half of what their lines take."""

import json
import random

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.log.columns import from_columns, to_columns
from runtime.log.grouping import group_lines
from runtime.log.lines import COLUMNS_MARK, line_of
from runtime.log.numerals import put_together, split_numerals

INTEGERS = st.integers() | st.integers(10**17, 3 * 10**19) | st.integers(0, 99)
LEAVES = st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(LEAVES, lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=20)
DIGITS = st.text(alphabet='0123456789.,[]-:"a ', max_size=60)
HEADS = st.sampled_from(["market.book", "market.signal", "order.event"])


def line(topic: str, key: str, number: int, time_ns: int, message: object) -> bytes:
    fields = {
        "topic": topic,
        "partition": 0,
        "key": key,
        "producer": "monitor-service",
        "type": f"{topic}.v1",
        "offset": number,
        "sequence": number,
        "cause": None if number % 3 else f"monitor-service/adapter:{number}",
        "event_time_ns": time_ns,
        "message": message,
    }
    return line_of(json.dumps(fields, separators=(",", ":")).encode())


def columns_of(text: bytes) -> bytes:
    columns = to_columns(group_lines(text))
    assert columns is not None
    assert columns.startswith(COLUMNS_MARK)
    return columns


@given(st.lists(st.tuples(HEADS, st.sampled_from("AB"), INTEGERS, INTEGERS, VALUES)))
def test_any_messages_come_back(records: list[tuple[str, str, int, int, object]]) -> None:
    lines = [line(*record) for record in records]
    text = b"".join(each + line_of(b'{"commit":%d}' % number) for number, each in enumerate(lines))
    assert from_columns(columns_of(text)) == text


@given(st.lists(DIGITS))
def test_any_digits_come_back(bodies: list[str]) -> None:
    text = b"".join(line_of(body.encode()) for body in bodies)
    assert from_columns(columns_of(text)) == text


@given(st.lists(DIGITS), st.booleans())
@settings(max_examples=50)
def test_numbers_are_put_back_into_their_template(bodies: list[str], is_bare: bool) -> None:
    text = b"\n" if is_bare else ("\n" + "\n".join(bodies) + "\n").encode()
    numerals = split_numerals(text)
    assert numerals is not None
    assert put_together(numerals.template, numerals.values) == text


@given(st.binary())
def test_what_is_no_log_is_refused_or_does_not_come_back_as_something_else(text: bytes) -> None:
    columns = to_columns(group_lines(text))
    assert columns is None or isinstance(from_columns(columns), bytes)


@pytest.mark.parametrize(
    "body",
    [
        "[9,99,999,1000000000000000000,9999999999999999999]",
        "[6489,6488,6486,6484,6482]",
        "[100,200,300,12345678901234567890,400]",
        "[1795933442411703075,1795933442411703076]",
        "007 000 0 00.00 0.00016370121391843376",
        "1795933442411703075:2795933442411703075:0795933442411703075",
        "9223372036854775807,999999999999999999",
        "[1.5,2,2.25,-3,1e-7,12]",
        ",7,[8],9",
        "",
    ],
)
def test_numbers_at_the_edges_come_back(body: str) -> None:
    text = line_of(body.encode()) * 3
    assert from_columns(columns_of(text)) == text


def test_steps_need_what_is_before_them_in_an_array_of_any_kind() -> None:
    """A time, a fraction, or a number too large to be one may stand within a smooth array."""
    for odd in ("1795933442411703075", "7001.5", "99999999999999999999"):
        text = line_of(f"[7000,7001,{odd},7002,7003]".encode())
        assert from_columns(columns_of(text)) == text


@pytest.mark.parametrize("text", [b"12345678 a\x01b\n", b"12345678 \x00\n"])
def test_control_characters_are_left_to_text(text: bytes) -> None:
    assert to_columns(group_lines(text)) is None


def test_books_take_less_than_two_thirds_of_their_text() -> None:
    """Books of ten symbols that change in a few levels, as those of a venue do."""
    draw = random.Random(7)
    books = {f"S{symbol}/USDT": [draw.randrange(10**4, 10**6) for _ in range(20)] for symbol in range(10)}
    lines = []
    for number in range(2_000):
        key = draw.choice(list(books))
        sizes = books[key]
        for _ in range(3):
            sizes[draw.randrange(20)] = draw.randrange(10**4, 10**6)
        time_ns = 1_795_933_442_411_703_075 + number * 10**6 + draw.randrange(10**6)
        prices = [6_000 + 2 * level + draw.randrange(2) for level in range(20)]
        fields = {"event_time_ns": time_ns, "imbalance": draw.random(), "prices": prices, "sizes": sizes}
        lines.append(line("market.book", key, number, time_ns, fields))
    text = b"".join(lines)
    compress = zstandard.ZstdCompressor(level=8).compress
    columns = columns_of(text)
    assert from_columns(columns) == text
    assert len(compress(columns)) * 3 < len(compress(text)) * 2


def test_numbers_become_columns_of_few_bytes() -> None:
    numerals = split_numerals(b'\n{"a":[500,501,503],"b":0.25}\n')
    assert numerals is not None
    assert numerals.template.tobytes() == b'\n{"a":[\x01,\x05,\x05],"b":\x01.\x02}\n'
    assert np.array_equal(numerals.values, [500, 501, 503, 0, 25])
