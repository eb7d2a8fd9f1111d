"""`maker status`: trading state, quotes, positions and process health, for operators and scripts."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from maker.cli.errors import exit_with_errors
from maker.cli.options import ConfigFiles, Json, KafkaOption
from maker.cli.where import Log, TokenFile, Url, where_from
from maker.reaching import Answer, reach
from runtime.errors import ConfigError, DependencyError, RefusedError
from runtime.text import iso_time, nearest
from schemas.message import ALL_SYMBOLS
from schemas.topics import OFF_PATH
from schemas.units import NS_PER_MS

_WIDTH = 160
_WELL = "ok"
_UNQUOTED = frozenset({"NO_MARKET", "WAITING"})


@exit_with_errors
def status(
    symbol: Annotated[
        str | None, typer.Argument(help="Symbol: BTC/USDT or venue:BTC/USDT; default: all.")
    ] = None,
    log: Log = None,
    config: ConfigFiles = None,
    url: Url = None,
    token_file: TokenFile = None,
    kafka: KafkaOption = None,
    as_json: Json = False,
) -> None:
    """Show the status of a running engine.

    Exit code 0: running; 1: a symbol has no live market; 3: unreachable, or a process is not ready;
    4: something is halted. The highest applies.
    """
    engines = reach(where_from(log, config, url, token_file, kafka))
    found = [(engine.place, _of_symbol(engine.status(), symbol)) for engine in engines]
    for place, each in found:
        if as_json:
            print(json.dumps({"engine": place, **each}))
        else:
            _print_status(place, each)
    raise typer.Exit(max(exit_code_of(each) for _, each in found))


def exit_code_of(found: Answer) -> int:
    """The exit code for scripts; the highest that applies."""
    if found["halts"] or found["state"] == "HALT":
        return RefusedError.exit_code
    waits = [each for each in found["processes"] if each["state"] != _WELL and each["name"] not in OFF_PATH]
    if waits or found["state"] is None or found["store"] != "live":
        return DependencyError.exit_code
    return int(any(each["state"] in _UNQUOTED for each in found["symbols"]))


def _of_symbol(found: Answer, symbol: str | None) -> Answer:
    """Reduced to one symbol, with the account's halts, which apply to it too; raises ConfigError."""
    if symbol is None:
        return found
    meant = [each for each in found["symbols"] if symbol in (each["symbol"], each["key"])]
    if not meant:
        known = [each["symbol"] for each in found["symbols"]]
        raise ConfigError(f"no symbol is called {symbol!r}{nearest(symbol, known)}")
    keys = {ALL_SYMBOLS, *(each["key"] for each in meant)}
    halts = [each for each in found["halts"] if each["key"] in keys or each["key"].startswith(ALL_SYMBOLS)]
    return found | {"symbols": meant, "halts": halts}


def _print_status(place: str, found: Answer) -> None:
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    console.print(f"{place}: {_word(found)} ({found['shape']})", markup=False)
    for halt in found["halts"]:
        console.print(_halt_line(halt), markup=False)
    if found["store"] != "live":
        age = "never" if found["store_age_ms"] is None else f"{_seconds(found['store_age_ms'])} ago"
        console.print(f"state store {found['store']}: symbol data was up to date {age}")
    broker = found["broker"]
    if broker is not None and broker["state"] != _WELL:
        console.print(f"broker unreachable: {broker['because'] or 'no answer yet'}", markup=False)
    console.print(_symbols(found["symbols"]))
    console.print(_processes(found["processes"]))


def _word(found: Answer) -> str:
    words = {"RUN": "running", "REDUCE_ONLY": "reduces only", "HALT": "halted", None: "not trading yet"}
    reasons = "; ".join(found["reasons"])
    return words[found["state"]] + (f": {reasons}" if reasons else "")


def _halt_line(halt: dict[str, Any]) -> str:
    what = "everything" if halt["key"].startswith(ALL_SYMBOLS) else halt["key"].partition(":")[2]
    since = "" if halt["since_ms"] is None else f" since {_time(halt['since_ms'])}"
    proof = {
        "confirmed": "the venue shows no open order",
        "cancelling": f"{halt['open_orders']} orders may be open",
        "incomplete": f"the venue has not confirmed the cancel of {halt['open_orders']} orders",
    }.get(halt["withdrawal"] or "", "")
    flattens = "orders that reduce go out until nothing is held" if halt.get("flattens") else ""
    waits = f"{halt['flatten_asked_by']} asks for a flatten" if halt.get("flatten_asked_by") else ""
    asked = f"{halt['resume_asked_by']} requests a resume" if halt["resume_asked_by"] else ""
    rest = "; ".join(part for part in (*halt["reasons"], proof, flattens, waits, asked) if part)
    return f"halted: {what}{since}: {rest}"


def _symbols(symbols: list[dict[str, Any]]) -> Table:
    table = Table(title="symbols", title_justify="left")
    for column in ("symbol", "state", "bid", "ask", "position", "PnL", "risk", "why not"):
        table.add_column(column, justify="right" if column in {"bid", "ask", "position", "PnL"} else "left")
    for each in symbols:
        held, pnl, risk = each["inventory"], each["pnl"], each["risk"]
        quotes = [side["quote"] for side in (each["bid"], each["ask"])]
        reasons = dict.fromkeys(side["reason"] for side in (each["bid"], each["ask"]) if side["reason"])
        table.add_row(
            each["symbol"],
            each["state"],
            *("-" if quote is None else f"{quote['price']} x {quote['size']}" for quote in quotes),
            "-" if held is None else f"{held['position']} {held['base_currency']}",
            "-" if pnl is None else f"{pnl['total']} {pnl['currency']}",
            "-" if risk is None else risk["state"],
            "; ".join(reasons),
        )
    return table


def _processes(processes: list[dict[str, Any]]) -> Table:
    table = Table(title="processes", title_justify="left")
    for column in ("process", "state", "last input", "lag", "unconfirmed", "starts", "reason"):
        table.add_column(column)
    for each in processes:
        speaks = each["state"] in {_WELL, "not_ready"}
        waiting = sum(lag["records"] for lag in each["lag"])
        table.add_row(
            each["name"],
            each["state"].replace("_", " "),
            "-" if not speaks or each["age_ms"] is None else f"{_seconds(each['age_ms'])} ago",
            str(waiting) if speaks else "-",
            str(each["outbox_records"]) if speaks else "-",
            "-" if each["starts"] is None else str(each["starts"]),
            _why(each),
        )
    return table


def _why(process: dict[str, Any]) -> str:
    if process["state"] == "silent" and process["said_age_ms"] is not None:
        return f"silent for {_seconds(process['said_age_ms'])}"
    if process["state"] == "missing":
        return "expected, but never reported"
    return str(process["because"] or "")


def _seconds(age_ms: float) -> str:
    return f"{age_ms / 1e3:.1f} s"


def _time(time_ms: float) -> str:
    return f"{iso_time(int(time_ms) * NS_PER_MS)[:19]}Z"
