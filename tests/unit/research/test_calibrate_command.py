"""`maker calibrate`: the law of a recording made by a law, in the market's units, with a picture."""

import json
from collections.abc import Callable
from math import exp
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from maker.cli.app import app
from research.calibration.command import run_calibration
from research.calibration.fit import calibrate
from research.calibration.orders import MarketOrder, OrdersSeen
from research.calibration.plot import Point, intensity_plot
from runtime.errors import ConfigError
from tests.kit.messages import T0, S

BEGIN_S = 1_700_000_000
RATE, K = 0.5, 4.0
"""Orders a second and side; 1/price."""


def write_market(path: Path, seconds: float, seed: int = 1) -> Path:
    """A book that stands at 99.99 to 100.01, and orders whose depth is exponential."""
    random, time_s, lines = Random(seed), 0.0, []
    name = {"ets": None, "venue": "v", "symbol": "A/B"}
    levels = {"bids": [[99.99, 10]], "asks": [[100.01, 10]]}
    lines.append(name | levels | {"ts": BEGIN_S * 10**9, "type": "book", "snapshot": True, "seq": 1})
    while time_s < seconds:
        time_s += random.expovariate(2 * RATE)
        side, depth = random.choice(("buy", "sell")), random.expovariate(K)
        price = round(100 + depth if side == "buy" else 100 - depth, 2)
        told = {"ts": BEGIN_S * 10**9 + round(time_s * 1e9), "type": "trade", "price": price, "size": 1}
        lines.append(name | told | {"side": side, "id": str(len(lines))})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("market") / "market.jsonl", 4_000)


def test_a_and_k_are_found_with_their_errors(market: Path) -> None:
    told = run_calibration(str(market), "A/B").as_json()
    assert told["A"] == pytest.approx(RATE, abs=4 * told["errors"]["A"])
    assert told["k"] == pytest.approx(K, abs=4 * told["errors"]["k"])
    assert 0 < told["errors"]["k"] < 0.1 * K
    assert told["k_per_bps"] == pytest.approx(told["k"] * 0.01, rel=1e-9)
    assert (told["mid"], told["half_spread"]) == pytest.approx((100.0, 0.01))
    for name in ("log_linear", "from_depths", "discrete", "buys", "sells"):
        assert told[name]["k"] == pytest.approx(K, rel=0.2), name
        assert told[name]["A"] == pytest.approx(RATE, rel=0.2), name
    assert told["orders"] == pytest.approx(4_000, rel=0.1)
    counts = [row["orders"] for row in told["distances"]]
    assert counts == sorted(counts, reverse=True)


def test_a_law_of_few_ticks_needs_whole_ticks() -> None:
    """Excess depths of whole half ticks, geometric with exp(-1/2): k is 1 a tick, and not 1.30."""
    counts = [round(10_000 * exp(-number / 2)) for number in range(20)]
    depths = [2 + half_ticks for half_ticks, count in enumerate(counts) for _ in range(count)]
    orders = [MarketOrder(T0 + S, "buy", depth) for depth in depths]
    seen = OrdersSeen(orders=orders, mids=2e5, spreads=2.0, books=1, begin_ns=T0, end_ns=T0 + 100 * S)
    found = calibrate(seen, (1.0, 2.0, 3.0), seed=0)
    assert found.discrete is not None
    assert found.depths is not None
    assert found.discrete.k == pytest.approx(1, rel=0.002)
    assert found.depths.k == pytest.approx(2 * (exp(0.5) - 1), rel=0.002)


def test_distances_are_the_ones_asked_for(market: Path) -> None:
    told = run_calibration(str(market), "v:A/B", distances_bps=(20, 10, 30, 10)).as_json()
    assert [row["distance_bps"] for row in told["distances"]] == pytest.approx([10, 20, 30])
    assert told["k"] == pytest.approx(K, rel=0.2)


def test_the_same_seed_gives_the_same_errors(market: Path) -> None:
    one, same, other = (run_calibration(str(market), "A/B", seed=seed).as_json() for seed in (1, 1, 2))
    assert one == same
    assert one["errors"] != other["errors"]


def test_the_picture_shows_each_distance_and_the_fit(market: Path, tmp_path: Path) -> None:
    path = tmp_path / "fit.svg"
    told = run_calibration(str(market), "A/B", plot=path).as_json()
    root = ElementTree.fromstring(path.read_text())
    tag = "{http://www.w3.org/2000/svg}"
    shown = [row for row in told["distances"] if row["orders"]]
    assert len(root.findall(f"{tag}circle")) == len(shown)
    line = root.find(f"{tag}polyline")
    assert line is not None
    heights = [float(place.split(",")[1]) for place in str(line.get("points")).split()]
    assert heights == sorted(heights)  # down the page as rates fall
    assert any("A/B: A = 0." in str(text.text) for text in root.findall(f"{tag}text"))


def test_a_plot_escapes_what_a_venue_calls_a_symbol() -> None:
    text = intensity_plot("<b>&", "bps", [Point(1, 2.0, 9), Point(2, 1.0, 4)], [(1, 2.0), (2, 1.0)])
    ElementTree.fromstring(text)
    assert "&lt;b&gt;&amp;" in text


def test_too_little_is_said_with_what_was_found(tmp_path: Path) -> None:
    path = write_market(tmp_path / "short.jsonl", 15)
    report = run_calibration(str(path), "A/B")
    assert report.as_json()["A"] is None
    assert "at least 30 are needed" in str(report.as_json()["not_fitted_because"])
    assert "no fit: " in report.as_text()
    with pytest.raises(ConfigError, match="no fit to draw"):
        run_calibration(str(path), "A/B", plot=tmp_path / "none.svg")


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda path: run_calibration(str(path), "A/C"), "holds no symbol A/C; did you mean 'A/B'"),
        (lambda path: run_calibration(str(path), "A/B", distances_bps=(-1,)), "each must be at least 0"),
        (lambda path: run_calibration(f"{path}x", "A/B"), "does not exist"),
    ],
)
def test_what_is_wrong_is_said(market: Path, run: Callable[[Path], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run(market)


def test_the_command(market: Path) -> None:
    told = json.loads(CliRunner().invoke(app, ["calibrate", str(market), "A/B", "--json"]).stdout)
    assert told == run_calibration(str(market), "A/B").as_json()
    text = CliRunner().invoke(app, ["calibrate", str(market), "A/B"]).stdout
    assert "A and k (Poisson)" in text
    assert "model: {arrival_rate_per_s: 0." in text
