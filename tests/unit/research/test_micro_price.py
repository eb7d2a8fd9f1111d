"""The micro-price: the chain of its worked example, found again from a simulated market, and put to use."""

import json
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from quote_service.quoting.draft import fair_ticks

from research.calibration.command import run_micro_price
from research.calibration.microprice import TopOfBook, adjustments, fit_micro_price
from runtime.errors import ConfigError
from schemas.config import Config
from schemas.market import Book

UNMOVED = np.array([[0.60, 0.20, 0.05], [0.20, 0.50, 0.20], [0.05, 0.20, 0.60]])
DOWN = np.array([[0.02, 0.04, 0.06], [0.01, 0.02, 0.02], [0.005, 0.010, 0.015]])
UP = DOWN[::-1, ::-1]
SHARES = (0.1, 0.5, 0.9)


def simulated(books: int, seed: int) -> list[TopOfBook]:
    """The chain of MP1 as a market with a spread of two ticks."""
    random, state, mid, seen = Random(seed), 1, 200_000, []
    for _ in range(books):
        seen.append(TopOfBook(SHARES[state], 2, mid))
        chances = np.concatenate([UNMOVED[state], DOWN[state], UP[state]]).tolist()
        move, state = divmod(random.choices(range(9), chances)[0], 3)
        mid += (0, -2, 2)[move]
    return seen


@pytest.mark.case("MP1")
def test_the_closed_form_of_the_toy_chain() -> None:
    found = adjustments(UNMOVED, [(-1.0, DOWN), (1.0, UP)])
    assert found == pytest.approx([-0.1875, 0.0, 0.1875], abs=1e-9)


@pytest.mark.case("MP2")
def test_the_chain_is_found_again_from_what_it_made() -> None:
    table = fit_micro_price(simulated(60_000, seed=2), buckets=3)
    assert table.adjustments_ticks[0] == pytest.approx((-0.1885, 0.0, 0.1885), abs=0.015)
    assert table.imbalance_edges == (0.1, 0.9)
    assert sum(table.books[0]) == 60_000


def test_the_table_is_odd_in_the_imbalance_and_inside_the_spread() -> None:
    random = Random(3)
    seen = [
        TopOfBook(random.random(), random.choice((1, 2, 5)), 200_000 + random.randrange(-40, 40))
        for _ in range(5_000)
    ]
    table = fit_micro_price(seen)
    for row in table.adjustments_ticks:
        assert row == pytest.approx([-each for each in reversed(row)], abs=1e-9)
        assert max(map(abs, row)) < 2.5


def test_too_few_books_and_a_mid_that_stands_are_refused() -> None:
    with pytest.raises(ValueError, match="5 books: at least 270 are needed"):
        fit_micro_price(simulated(5, seed=1))
    with pytest.raises(ValueError, match="the mid never moves"):
        fit_micro_price([TopOfBook(0.5, 1, 200)] * 1_000)


def write_market(path: Path) -> Path:
    """Ticks of 0.01 around 1000; the book's heavier side is where the mid goes."""
    begin_ns = 1_700_000_000_000_000_000
    lines = []
    for number, top in enumerate(simulated(4_000, seed=5), start=1):
        bid, ask = (top.mid_half_ticks - 2) / 200, (top.mid_half_ticks + 2) / 200
        size = round(100 * top.bid_share)
        line = {"ts": begin_ns + number * 10**8, "ets": None, "venue": "v", "symbol": "A/B", "type": "book"}
        line |= {"snapshot": True, "seq": number}
        lines.append(line | {"bids": [[bid, size]], "asks": [[ask, 100 - size]]})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_recording_gives_settings_that_quoting_takes(tmp_path: Path) -> None:
    out = tmp_path / "micro.yaml"
    report = run_micro_price(str(write_market(tmp_path / "m.jsonl")), "A/B", config_out=out)
    told = report.as_json()
    assert "adjustment of the mid in ticks" in report.as_text()
    config = Config.model_validate(yaml.safe_load(out.read_text())).of_symbol("A/B")
    assert config.pricing.fair_value == "micro_price"
    heavy = told["adjustments_ticks"][0][-1]
    for bid, ask, expected in ((90, 10, heavy), (10, 90, -heavy), (50, 50, 0.0)):
        book = Book(
            event_time_ns=1,
            venue="v",
            symbol="A/B",
            status="live",
            bid_prices=(99_999,),
            bid_sizes=(bid,),
            ask_prices=(100_001,),
            ask_sizes=(ask,),
        )
        assert fair_ticks(book, config) == pytest.approx(100_000 + expected, abs=1e-6)


def test_the_picture_has_a_line_of_steps_for_each_class_of_spreads(tmp_path: Path) -> None:
    out = tmp_path / "micro.svg"
    report = run_micro_price(str(write_market(tmp_path / "m.jsonl")), "A/B", plot=out)
    root = ElementTree.fromstring(out.read_text())
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == len(report.table.adjustments_ticks)
    for line, row in zip(lines, report.table.adjustments_ticks, strict=True):
        heights = [float(place.split(",")[1]) for place in str(line.get("points")).split()]
        assert len(heights) == 2 * len(row)
        assert heights == sorted(heights, reverse=True)  # up the page as bids outweigh


def test_what_is_too_short_for_a_table_is_said(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text("".join(write_market(path).read_text().splitlines(keepends=True)[:20]))
    with pytest.raises(ConfigError, match="no micro-price of A/B: 20 books"):
        run_micro_price(str(path), "A/B")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pricing": {"fair_value": "micro_price"}}, "needs micro_price.adjustments_ticks"),
        ({"micro_price": {"imbalance_edges": [0.6, 0.4]}}, "imbalance_edges must ascend"),
        ({"micro_price": {"adjustments_ticks": [[0.1, 0.2]]}}, "must have 1 values"),
        ({"micro_price": {"adjustments_ticks": [[0.1], [0.2]]}}, "a row for each class"),
        (
            {"per_symbol": {"A/B": {"pricing": {"fair_value": "micro_price"}}}},
            "needs per_symbol.A/B.micro_price.adjustments_ticks",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match="Config") as refused:
        Config.model_validate(settings)
    assert message in str(refused.value)
