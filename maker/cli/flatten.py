"""`maker flatten`: trade away what is held, for an engine on this machine, at a URL, or behind a broker."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from maker.asking import Word
from maker.cli.errors import exit_with_errors
from maker.cli.halt import ACCOUNT_KEY, LOOK_S, Lines, enter_at, one_engine, plain_name
from maker.cli.options import ConfigFiles, KafkaOption
from maker.cli.where import Log, TokenFile, Url, where_from
from maker.cli.who import TWO, Approver, As, Passwords, check_alone, check_reason
from maker.flattening import Flatten
from maker.reaching import Answer, Reached, Rule, reach
from runtime.errors import ConfigError, RefusedError
from runtime.text import nearest

Within = Annotated[
    float, typer.Option("--within", min=1, max=86_400, help="Seconds to wait until it is flat.")
]


@exit_with_errors
def flatten(
    symbol: Annotated[
        str | None, typer.Argument(help="Symbol: BTC/USDT or venue:BTC/USDT; default: all symbols.")
    ] = None,
    halt: Annotated[
        bool, typer.Option("--halt", help="Halt too: nothing is quoted before a resume.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Reason; recorded in the log.")] = "",
    log: Log = None,
    config: ConfigFiles = None,
    url: Url = None,
    token_file: TokenFile = None,
    kafka: KafkaOption = None,
    name: As = None,
    approver: Approver = None,
    password_file: Passwords = None,
    within_s: Within = 60.0,
    as_json: Lines = False,
) -> None:
    """Stop quoting, trade away what is held by orders within `balance`, and wait until nothing is held.

    Exit code 0: nothing is held; 1: not yet, and it goes on; 4: refused, or a second person has to approve.
    """
    check_reason(reason)
    engine = one_engine(reach(where_from(log, config, url, token_file, kafka)))
    until_s = time.monotonic() + within_s
    status = engine.status()
    key = _key_of(status, symbol)
    halts = [each for each in status["halts"] if each["key"] in (key, ACCOUNT_KEY)]
    _check_halts(key, halts, halt=halt)
    own: Answer = next((each for each in halts if each["key"] == key), {})
    rule = engine.rule()
    asked = Flatten(
        key=key,
        halt=halt,
        reason=reason,
        halt_sequence=own.get("halt_sequence") if own.get("flatten_asked_by") else None,
        words=() if rule is None else _words(rule, key, own, halt, name, approver, password_file or []),
    )
    engine.flatten(asked)
    result = _wait_until_flat(engine, asked, until_s)
    print(json.dumps(result) if as_json else _text(result), flush=True)
    raise typer.Exit(result["exit_code"])


def _key_of(status: Answer, symbol: str | None) -> str:
    if symbol is None:
        return ACCOUNT_KEY
    for each in status["symbols"]:
        if symbol in (each["key"], each["symbol"]):
            return str(each["key"])
    raise ConfigError(
        f"no symbol is called {symbol!r}{nearest(symbol, [e['symbol'] for e in status['symbols']])}"
    )


def _check_halts(key: str, halts: list[Answer], *, halt: bool) -> None:
    """Raises ConfigError where nothing would go out."""
    closed = [each for each in halts if not each["flattens"]]
    if closed and not halt:
        what, because = plain_name(closed[0]["key"]), "; ".join(closed[0]["reasons"])
        raise ConfigError(f"{what} is halted ({because}): --halt lets orders out that reduce")
    if key != ACCOUNT_KEY and any(each["key"] == ACCOUNT_KEY for each in closed):
        raise ConfigError("everything is halted: flatten everything, without a symbol, or resume it first")


def _words(
    rule: Rule,
    key: str,
    own: dict[str, Any],
    halt: bool,
    name: str | None,
    approver: str | None,
    passwords: list[Path],
) -> tuple[Word, ...]:
    """Who asks for it or approves it; empty: the only user of the engine's machine."""
    if rule.access.users_file is None:
        if halt:
            check_alone(rule, "let orders out under a halt")
        return ()
    if name is None:
        raise ConfigError(f"{rule.access.users_file} lists who may flatten: give --as NAME")
    files = [*passwords, None, None]
    asked_by = own.get("flatten_asked_by")
    if asked_by not in (None, name):
        enter_at(key, rule, name, files[0], "approve_flatten")
        return (Word(principal=name, agrees_with=asked_by),)
    enter_at(key, rule, name, files[0], "flatten")
    asks = Word(principal=name, is_request=halt and rule.people == TWO)
    if approver is None or not asks.is_request:
        return (asks,)
    enter_at(key, rule, approver, files[1], "approve_flatten")
    return asks, Word(principal=approver, agrees_with=name)


def _wait_until_flat(engine: Reached, asked: Flatten, until_s: float) -> dict[str, Any]:
    """Whether nothing is held any more, what is, or who has to approve."""
    about = {"key": asked.key, "halt": asked.halt}
    is_reported = False
    while True:
        status = engine.status()
        symbols = [each for each in status["symbols"] if asked.key in (each["key"], ACCOUNT_KEY)]
        held = {each["symbol"]: each["inventory"]["position"] for each in symbols if _is_held(each)}
        halt = next((each for each in status["halts"] if each["key"] == asked.key), None)
        if _is_in_force(asked, symbols, halt) and not held:
            return about | {"state": "flat", "exit_code": 0}
        if asked.halt and halt is not None and halt["flatten_asked_by"] is not None:
            asked_by = halt["flatten_asked_by"]
            return about | {"state": "asked", "asked_by": asked_by, "exit_code": RefusedError.exit_code}
        because = {e["symbol"]: b for e in symbols if (b := (e["balancing"] or {}).get("held_back"))}
        if because and not is_reported:
            is_reported = True
            print("; ".join(f"{each}: {text}" for each, text in because.items()), file=sys.stderr)
        if time.monotonic() > until_s:
            return about | {"state": "held", "held": held, "because": because, "exit_code": 1}
        time.sleep(LOOK_S)


def _is_held(symbol: dict[str, Any]) -> bool:
    inventory = symbol["inventory"]
    return inventory is not None and float(inventory["position"]) != 0


def _is_in_force(asked: Flatten, symbols: list[dict[str, Any]], halt: dict[str, Any] | None) -> bool:
    """Has the engine done what was asked? Nothing may have been held before."""
    if asked.halt:
        return halt is not None and bool(halt["flattens"])
    return all(symbol["stopped"] for symbol in symbols)


def _text(result: dict[str, Any]) -> str:
    what = "everything" if result["key"] == ACCOUNT_KEY else plain_name(result["key"])
    if result["state"] == "flat":
        ends = "a resume ends the halt" if result["halt"] else "a start quotes it again"
        return f"{what}: nothing is held; {ends}"
    if result["state"] == "asked":
        who = result["asked_by"]
        how = "a second person has to approve, with `maker flatten --halt`"
        return f"{what}: halted; {who} asks to flatten: {how}"
    held = ", ".join(f"{symbol} {size}" for symbol, size in result["held"].items()) or "not confirmed"
    return f"{what}: still held: {held}; it goes on"
