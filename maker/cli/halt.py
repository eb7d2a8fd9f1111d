"""`maker halt` and `maker resume`: for an engine on this machine, at a URL, or behind a broker."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maker.asking import Word
from maker.cli.errors import exit_with_errors
from maker.cli.options import ConfigFiles, KafkaOption
from maker.cli.where import Log, TokenFile, Url, where_from
from maker.cli.who import TWO, Approver, As, Passwords, check_alone, check_reason, enter
from maker.reaching import Answer, Reached, Rule, reach
from maker.resuming import Resume
from runtime.errors import ConfigError, DependencyError, EngineError, RefusedError
from runtime.text import nearest
from schemas.message import ALL_SYMBOLS

if TYPE_CHECKING:
    from maker.composition import Permission

ACCOUNT_KEY = f"{ALL_SYMBOLS}:{ALL_SYMBOLS}"
LOOK_S = 0.2
_WITHOUT = "`maker cancel-all --config FILE` cancels the orders without an engine"
Within = Annotated[
    float, typer.Option("--within", min=1, max=3_600, help="Seconds to wait for confirmation.")
]
Lines = Annotated[bool, typer.Option("--json", help="JSON lines on stdout, for programs.")]


@exit_with_errors
def halt(
    symbol: Annotated[
        str | None, typer.Argument(help="Symbol: BTC/USDT or venue:BTC/USDT; default: all symbols.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All symbols, explicitly.")] = False,
    reason: Annotated[str, typer.Option(help="Reason; recorded in the log.")] = "by hand",
    log: Log = None,
    config: ConfigFiles = None,
    url: Url = None,
    token_file: TokenFile = None,
    kafka: KafkaOption = None,
    within_s: Within = 10.0,
    as_json: Lines = False,
) -> None:
    """Halt trading, and wait until the venue shows none of our orders open.

    Default: every engine of this user on this machine. Exit code 0: confirmed; 1: halted, but not
    confirmed in time.
    """
    if every and symbol is not None:
        raise ConfigError(f"{symbol} and --all: give either a symbol or --all")
    engines = reach(where_from(log, config, url, token_file, kafka))
    until_s = time.monotonic() + within_s
    begun = [_begun(engine, symbol or ALL_SYMBOLS, reason, until_s) for engine in engines]
    taken = [each for each in begun if not isinstance(each, EngineError)]
    confirmed = [_follow(first, answers, as_json=as_json) for first, answers in taken]
    refused = [each for each in begun if isinstance(each, EngineError)]
    if refused and not (taken and all(isinstance(each, ConfigError) for each in refused)):
        raise refused[0]  # with several engines, one without the symbol is no failure
    raise typer.Exit(0 if all(confirmed) else 1)


def _begun(
    engine: Reached, symbol: str, reason: str, until_s: float
) -> tuple[Answer, Iterator[Answer]] | EngineError:
    """Send the halt to every engine before waiting for any, whatever the others answer."""
    answers = engine.halt(symbol, reason, until_s)
    try:
        taken = next(answers, None)
    except DependencyError as error:
        return DependencyError(f"{error}; {_WITHOUT}")
    except EngineError as error:
        return error
    except TimeoutError:
        taken = None
    if taken is None:
        return DependencyError(f"{engine.place} did not accept the halt in time; {_WITHOUT}")
    return taken, answers


def _follow(taken: Answer, answers: Iterator[Answer], *, as_json: bool) -> bool:
    """Print the progress of the mass cancel; whether it is confirmed."""
    _print_halt(taken, as_json=as_json)
    try:
        for answer in answers:
            _print_halt(answer, as_json=as_json)
            if answer["state"] == "confirmed":
                return True
    except TimeoutError:
        print("the venue has not confirmed all cancels in time; cancelling continues", file=sys.stderr)
    return False


def _print_halt(answer: Answer, *, as_json: bool) -> None:
    print(json.dumps(answer) if as_json else _text(answer), flush=True)


def _text(answer: Answer) -> str:
    if "accepted" in answer:
        what = "everything" if answer["symbol"] == ALL_SYMBOLS else answer["symbol"]
        process = f" (process {answer['pid']})" if "pid" in answer else ""
        return f"halt of {what} accepted by the engine on {answer['log']}{process}"
    orders = answer["open_orders"]
    left = orders if isinstance(orders, int) else len(orders)
    return f"{answer['state']}: {left} orders may be open" if left else f"{answer['state']}: no order is open"


@exit_with_errors
def resume(
    symbol: Annotated[str | None, typer.Argument(help="Symbol: BTC/USDT or venue:BTC/USDT.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every halt in force, including the account's.")
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
    within_s: Within = 10.0,
    as_json: Lines = False,
) -> None:
    """End a halt. Same rules as on the page: permission, and two people where the configuration says so.

    Exit code 0: resumed; 1: not resumed in time; 4: refused, or a second person has to approve.
    """
    if (symbol is None) != every:
        raise ConfigError("name a symbol or give --all: halts are only resumed explicitly")
    check_reason(reason)
    engine = one_engine(reach(where_from(log, config, url, token_file, kafka)))
    until_s = time.monotonic() + within_s
    halts = _meant(engine.status(), symbol)
    rule = engine.rule()
    for each in halts:
        words = () if rule is None else _words(rule, each, name, approver, password_file or [])
        engine.resume(
            Resume(key=each["key"], halt_sequence=each["halt_sequence"], reason=reason, words=words)
        )
    results = [_wait_for_end(engine, each, until_s) for each in halts]
    for result in results:
        _print_resume(result, as_json=as_json)
    raise typer.Exit(max(result["exit_code"] for result in results))


def one_engine(engines: Sequence[Reached]) -> Reached:
    """The only one; raises ConfigError where several run here."""
    if len(engines) > 1:
        places = ", ".join(engine.place for engine in engines)
        raise ConfigError(f"{len(engines)} engines run here: name one with --log ({places})")
    return engines[0]


def _meant(status: Answer, symbol: str | None) -> list[dict[str, Any]]:
    halts: list[dict[str, Any]] = status["halts"]
    if symbol is None:
        if not halts:
            raise ConfigError("nothing is halted")
        return halts
    found = [each for each in halts if symbol in (each["key"], each["key"].partition(":")[2])]
    if found:
        return found
    known = [each["symbol"] for each in status["symbols"]]
    if symbol not in known and symbol not in [each["key"] for each in status["symbols"]]:
        raise ConfigError(f"no symbol is called {symbol!r}{nearest(symbol, known)}")
    others = ", ".join(plain_name(each["key"]) for each in halts)
    raise ConfigError(f"{symbol} is not halted itself" + (f"; halted: {others}" if others else ""))


def _words(
    rule: Rule, halt_: dict[str, Any], name: str | None, approver: str | None, passwords: list[Path]
) -> tuple[Word, ...]:
    """Who asks for or approves the resume; empty: the only user of the engine's machine."""
    if rule.access.users_file is None:
        check_alone(rule, "end a halt")
        return ()
    if name is None:
        raise ConfigError(f"{rule.access.users_file} lists who may end a halt: give --as NAME")
    files = [*passwords, None, None]
    key, asked_by = halt_["key"], halt_["resume_asked_by"]
    if approver is not None:
        enter_at(key, rule, name, files[0], "resume_request")
        enter_at(key, rule, approver, files[1], "resume")
        return Word(principal=name, is_request=True), Word(principal=approver, agrees_with=name)
    needs_second = rule.people == TWO and asked_by in (None, name)
    enter_at(key, rule, name, files[0], "resume_request" if needs_second else "resume")
    return (Word(principal=name, is_request=needs_second, agrees_with=asked_by),)


def enter_at(key: str, rule: Rule, name: str, file: Path | None, permission: "Permission") -> None:
    """Raises ConfigError where authentication fails, RefusedError where the scope does not include `key`."""
    scope = enter(rule.access, name, file, permission)
    if ALL_SYMBOLS not in scope and key not in scope:
        raise RefusedError(f"the scope of {name} ({', '.join(scope)}) does not include {plain_name(key)}")


def _wait_for_end(engine: Reached, halt_: dict[str, Any], until_s: float) -> dict[str, Any]:
    """Whether the halt has ended, or who has to approve its end."""
    key = halt_["key"]
    while True:
        found = next((each for each in engine.status()["halts"] if each["key"] == key), None)
        if found is None:
            return {"key": key, "state": "resumed", "exit_code": 0}
        asked_by = found["resume_asked_by"]
        if asked_by is not None and asked_by != halt_["resume_asked_by"]:
            return {"key": key, "state": "asked", "asked_by": asked_by, "exit_code": RefusedError.exit_code}
        if found["halt_sequence"] != halt_["halt_sequence"] or time.monotonic() > until_s:
            return {"key": key, "state": "halted", "reasons": found["reasons"], "exit_code": 1}
        time.sleep(LOOK_S)


def _print_resume(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result), flush=True)
        return
    what = plain_name(result["key"])
    if result["state"] == "resumed":
        print(f"{what}: trading again")
    elif result["state"] == "asked":
        print(
            f"{what}: requested by {result['asked_by']}; a second person has to approve, with `maker resume`"
        )
    else:
        print(f"{what}: still halted: {'; '.join(result['reasons'])}")


def plain_name(key: str) -> str:
    """A `venue:symbol` as people write it."""
    return "everything" if key == ACCOUNT_KEY else key.partition(":")[2]
