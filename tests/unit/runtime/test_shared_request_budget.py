"""Several processes that use one count of requests, through a file."""

import multiprocessing
import os
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from runtime.exchange.request_budget import RequestBudget
from runtime.exchange.request_counts import usage_numbers
from runtime.exchange.shared_budgets import shared_budget
from runtime.observability.metrics import budget_figures
from schemas.deployment import ExchangeSettings
from schemas.venues import VENUES
from tests.kit.fakes import ManualClock
from tests.unit.runtime.request_budgets import BEGIN_S, ORDERS_BODY, make


def test_processes_see_one_anothers_use_and_refusals(tmp_path: Path) -> None:
    clock, first = make(path=tmp_path / "usage")
    second = RequestBudget(VENUES["binance"], 1.0, clock, usage_numbers(tmp_path / "usage"))
    assert first.may_send(5_000, "cancel")
    assert second.used == 5_000
    assert not second.may_send(1_001, "cancel")
    second.observe(418, {"Retry-After": "9"})
    assert first.blocked_s() == pytest.approx(9)
    assert first.is_banned


LARGE = replace(VENUES["binance"], request_weight_limit=100_000)


def use_up(path: Path, pipe: Connection) -> None:
    """A process that takes what it can get, and says how much that was."""
    budget = RequestBudget(LARGE, 1.0, ManualClock(BEGIN_S), usage_numbers(path))
    pipe.send("ready")
    pipe.recv()
    taken = 0
    while budget.wait_s(1, "order") == 0:
        taken += budget.may_send(1, "order")
    pipe.send(taken)


def test_two_processes_never_exceed_the_limit_together(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for _ in range(2):
        ours, theirs = context.Pipe()
        pipes.append(ours)
        processes.append(context.Process(target=use_up, args=(tmp_path / "usage", theirs)))
        processes[-1].start()
    assert [pipe.recv() for pipe in pipes] == ["ready", "ready"]
    for pipe in pipes:
        pipe.send("go")
    taken = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    assert sum(taken) == 85_000
    assert all(taken)


@pytest.mark.parametrize("content", [b"", b"\x00" * 50, b"garbage" * 1_000, os.urandom(4_096)])
def test_a_file_that_is_torn_or_foreign_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "usage"
    path.write_bytes(content)
    _, budget = make(path=path)
    assert budget.used == 0
    assert budget.may_send(100, "query")
    _, other = make(path=path)
    assert other.used == 100
    assert path.stat().st_mode & 0o777 == 0o600


def test_numbers_that_cannot_be_are_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "usage"
    _, budget = make(path=path)
    budget.shared_usage.numbers.blocked_until_s = float("inf")
    budget.shared_usage.numbers.used = float("nan")
    _, other = make(path=path)
    assert (other.blocked_s(), other.used) == (0, 0)


def test_a_file_that_was_removed_is_made_again_and_what_is_known_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "usage"
    clock, budget = make(path=path)
    budget.observe(418, {"Retry-After": "300"})
    path.unlink()
    clock.now_s += 60
    assert not budget.may_send("time", "query")  # the first request of a window looks
    _, other = make(path=path)
    assert other.is_banned
    assert other.blocked_s() > 200


def test_without_a_file_that_is_ours_alone_a_process_counts_for_itself(tmp_path: Path) -> None:
    target = tmp_path / "theirs"
    target.write_text("secret")
    (tmp_path / "usage").symlink_to(target)
    _, budget = make(path=tmp_path / "usage")
    assert budget.may_send(100, "query")
    assert target.read_text() == "secret"


def test_a_process_that_is_stopped_with_the_lock_holds_up_no_cancel(tmp_path: Path) -> None:
    _, budget = make(path=tmp_path / "usage")
    _, stopped = make(path=tmp_path / "usage")
    with stopped.shared_usage:
        assert not budget.may_send("place", "order")
        assert budget.may_send("cancel", "cancel")
    assert budget.may_send("place", "order")


def test_one_object_for_a_host_and_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    here, there = ExchangeSettings(url="http://127.0.0.1:1"), ExchangeSettings(url="http://127.0.0.1:2")
    feed, router, other = shared_budget(here), shared_budget(here, "key"), shared_budget(there)
    assert shared_budget(here, "key") is router
    assert feed.may_send(200, "feed")
    assert (router.used, other.used) == (200, 0)
    router.observe(429, {"Retry-After": "9"}, ORDERS_BODY)
    assert shared_budget(here, "another").orders_held_until_s() == 0
    names = sorted(path.name for path in (tmp_path / "market-making").iterdir())
    assert all("key" not in name for name in names)
    assert (tmp_path / "market-making").stat().st_mode & 0o077 == 0
    figures = {found.venue: found for found in budget_figures()}["binance"]
    assert figures.orders_held_s > 0
    assert shared_budget(here) is feed
