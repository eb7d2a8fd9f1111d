"""`maker positions`: ledger against account, and corrections of the ledger."""

import getpass
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console
from rich.table import Table

from maker.cli.errors import exit_with_errors
from maker.cli.options import ConfigFiles, Json, KafkaOption, load_sections
from maker.cli.who import TWO, Approver, As, Passwords, check_alone, enter
from maker.positions import (
    People,
    RequestedAdjustment,
    adjustment_from,
    adjustments_of,
    change_shown,
    changes_of,
)
from maker.positions_past import (
    Recorded,
    append_to_log,
    recorded_on_disk,
    recorded_on_kafka,
)
from maker.reaching import Rule, SocketEngine, folder_of, runs_on_kafka
from maker.signed import send_to_kafka
from runtime.errors import ConfigError
from schemas.config import Config
from schemas.holdings import HoldingSeen

positions_app = typer.Typer(
    help="Compare the ledgers with the account, and correct them.", no_args_is_help=True
)
Log = Annotated[Path | None, typer.Option(help="Log folder; default: the one that --config resumes.")]
Reason = Annotated[str, typer.Option("--reason", help="Reason; recorded in the audit.")]
Price = Annotated[str | None, typer.Option(help="Booking price in the quote currency; default: the mid.")]


class EnginePlace(Protocol):
    """Where the ledgers are: in a running engine, a log on disk, or on Kafka."""

    def rule(self) -> Rule:
        """Who may change them."""

    def holdings(self) -> list[HoldingSeen]:
        """Ledger and account of every symbol."""

    def change(self, request: RequestedAdjustment, people: People | None) -> list[dict[str, str]]:
        """Change ledgers and return the changes. `people` is None for the user of this machine."""


class _Engine:
    """A running engine, by its socket."""

    def __init__(self, engine: SocketEngine) -> None:
        self._engine = engine

    def rule(self) -> Rule:
        return self._engine.rule()

    def holdings(self) -> list[HoldingSeen]:
        answer = self._engine.ask({"positions": {}})
        return [HoldingSeen.model_validate(each) for each in answer["holdings"]]

    def change(self, request: RequestedAdjustment, people: People | None) -> list[dict[str, str]]:
        question = {
            "wanted": request.model_dump(mode="json", exclude_none=True),
            "people": None if people is None else asdict(people),
        }
        changes: list[dict[str, str]] = self._engine.ask({"positions": question})["changes"]
        return changes


class _Past:
    """The recorded state; `folder` is None for Kafka."""

    def __init__(self, recorded: Recorded, given: Config | None, folder: Path | None) -> None:
        config = given or recorded.config
        if config is None:
            raise ConfigError(f"{folder} holds no start of an engine: no position is known")
        self._recorded, self._config, self._folder = recorded, config, folder

    def rule(self) -> Rule:
        return Rule(self._config.risk_limits.resume_people, self._config.access)

    def holdings(self) -> list[HoldingSeen]:
        return self._recorded.holdings(self._config)

    def change(self, request: RequestedAdjustment, people: People | None) -> list[dict[str, str]]:
        changes = changes_of(self.holdings(), request)
        decided_by = people or People(f"{getpass.getuser()} at this machine")
        adjustments = adjustments_of(changes, request, decided_by, time.time_ns())
        if self._folder is None:
            send_to_kafka(self._config, adjustments)
        else:
            append_to_log(self._folder, self._config, adjustments)
        return [change_shown(holding, change) for holding, change in changes]


def _place(log: Path | None, files: list[Path] | None, kafka: str | None) -> EnginePlace:
    given = load_sections(files, {"kafka": {"bootstrap": kafka}}) if files or kafka else None
    if given is not None and (kafka is not None or (log is None and runs_on_kafka(given))):
        return _Past(recorded_on_kafka(given.kafka), given, None)
    folder = log or folder_of(given)
    engine = SocketEngine.of_folder(folder)
    return _Past(recorded_on_disk(folder), given, folder) if engine is None else _Engine(engine)


@positions_app.command("show")
@exit_with_errors
def show(
    log: Log = None, config: ConfigFiles = None, kafka: KafkaOption = None, as_json: Json = False
) -> None:
    """Show ledger, account and difference of every symbol, from a running engine or its log."""
    holdings = _place(log, config, kafka).holdings()
    if as_json:
        print(json.dumps([each.model_dump(mode="json") for each in holdings]))
    else:
        Console(width=None if sys.stdout.isatty() else 120, soft_wrap=True).print(_table(holdings))


@positions_app.command("adopt")
@exit_with_errors
def adopt(
    reason: Reason,
    symbol: Annotated[str | None, typer.Argument(help="Symbol: BTC/USDT or venue:BTC/USDT.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every ledger that differs from the account.")] = False,
    price: Price = None,
    log: Log = None,
    config: ConfigFiles = None,
    kafka: KafkaOption = None,
    name: As = None,
    approver: Approver = None,
    password_file: Passwords = None,
    as_json: Json = False,
) -> None:
    """Set a ledger to the account's holdings, at no profit or loss."""
    if (symbol is None) != every:
        raise ConfigError("give a symbol or --all")
    request = adjustment_from({"kind": "adopt", "symbol": symbol, "price": price, "reason": reason})
    changes = _change(_place(log, config, kafka), request, name, approver, password_file)
    _report(changes, as_json=as_json)


@positions_app.command("adjust")
@exit_with_errors
def adjust(
    symbol: Annotated[str, typer.Argument(help="Symbol: BTC/USDT or venue:BTC/USDT.")],
    reason: Reason,
    size: Annotated[str | None, typer.Option(help="New position of the ledger, in base units.")] = None,
    by: Annotated[str | None, typer.Option(help="Or the change of the position, in base units.")] = None,
    price: Price = None,
    log: Log = None,
    config: ConfigFiles = None,
    kafka: KafkaOption = None,
    name: As = None,
    approver: Approver = None,
    password_file: Passwords = None,
    as_json: Json = False,
) -> None:
    """Set a ledger to a given position, at no profit or loss."""
    fields = {"size": size, "change": by, "price": price}
    request = adjustment_from({"kind": "adjust", "symbol": symbol, "reason": reason, **fields})
    changes = _change(_place(log, config, kafka), request, name, approver, password_file)
    _report(changes, as_json=as_json)


def _change(
    place: EnginePlace,
    request: RequestedAdjustment,
    name: str | None,
    approver: str | None,
    passwords: list[Path] | None,
) -> list[dict[str, str]]:
    """Make the change in the name of those who may; the changes made."""
    return place.change(request, _people(place.rule(), name, approver, passwords or []))


def _people(rule: Rule, name: str | None, approver: str | None, passwords: list[Path]) -> People | None:
    """Authenticated requester and approver; None: the only user of this machine. Raises ConfigError."""
    if rule.access.users_file is None:
        check_alone(rule, "correct a position")
        return None
    if name is None or (approver is None) == (rule.people == TWO):
        who = "--as and --approver" if rule.people == TWO else "--as alone"
        raise ConfigError(f"{rule.access.users_file} lists who may correct a position: give {who}")
    files = [*passwords, None, None]
    first = enter(rule.access, name, files[0], "adjust" if approver is None else "adjust_propose")
    if approver is None:
        return People(name, scope=tuple(first))
    second = enter(rule.access, approver, files[1], "adjust")
    return People(name, approver, tuple(second))


def _report(changes: list[dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(changes))
        return
    for each in changes:
        print(f"{each['symbol']}: {each['before']} {each['change']} = {each['after']} {each['unit']}")


def _table(holdings: Sequence[HoldingSeen]) -> Table:
    table = Table()
    for column in ("symbol", "ledger", "account", "difference", "reserved", "unit", "quoted"):
        table.add_column(column, justify="left" if column in {"symbol", "unit"} else "right")
    for each in holdings:
        shared = f" with {', '.join(n for n in each.shares if n != each.symbol)}" if each.shares[1:] else ""
        table.add_row(
            each.symbol,
            f"{each.ledger:f}",
            "not stated" if each.account is None else f"{each.account:f}{shared}",
            "" if each.difference is None else f"{each.difference:+f}",
            f"{each.reserved:f}" if each.reserved else "",
            each.unit,
            "" if each.may_be_quoted else "no",
        )
    return table
