"""A file of JSON lines, plain or gzip, or stdin, as attribution lines.

Numbers keep their original text: they become decimals directly, never via a float.
"""

import gzip
import json
import sys
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from pydantic import ValidationError

from research.attribution.lines import LINES, Line
from runtime.errors import ConfigError
from runtime.invalid import problem_in, short
from runtime.text import nearest

STDIN = "-"
LINE_BYTES_MAX = 65_536
"""No valid line comes near it; bounds memory for invalid input."""
_GZIP_MAGIC = b"\x1f\x8b"


def read_lines(file: str) -> Iterator[tuple[str, Line]]:
    """(place, line) of each line in `file`, `-` for stdin; blank ones are skipped.

    Raises ConfigError, naming the file and line, the field, its value and the remedy, at the first bad line.
    """
    name = "stdin" if file == STDIN else file
    try:
        with ExitStack() as stack:
            stream = _opened(file, stack)
            number = 0
            while text := stream.readline(LINE_BYTES_MAX + 1):
                number += 1
                if number == 1:
                    text = text.removeprefix(BOM_UTF8)
                if text.strip():
                    place = f"{name} line {number}"
                    yield place, _line(place, text)
    except (OSError, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigError(f"{name} cannot be read: {why}; name a JSON lines file, plain or gzip") from None


def _opened(file: str, stack: ExitStack) -> IO[bytes]:
    """Gzip is detected by its first bytes, so that stdin may be compressed too."""
    if file == STDIN:
        stream = cast(BufferedReader, sys.stdin.buffer)
    else:
        stream = stack.enter_context(Path(file).open("rb"))  # noqa: SIM115  the stack closes it
    if stream.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC):
        return cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=stream)))
    return stream


def _line(place: str, text: bytes) -> Line:
    values = _object(place, text)
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in LINES:
        hint = nearest(str(kind), LINES)
        raise ConfigError(f"{place}: kind: unknown kind of line{hint} (it is {short(kind)})")
    model = LINES[kind]
    try:
        return cast(Line, model.model_validate(values))
    except ValidationError as error:
        problems = (problem_in(detail, model) for detail in error.errors(include_url=False))
        raise ConfigError("\n".join(f"{place}: {problem}" for problem in problems)) from None


def _object(place: str, text: bytes) -> dict[str, Any]:
    if len(text) > LINE_BYTES_MAX:
        raise ConfigError(f"{place} is longer than {LINE_BYTES_MAX} bytes: give one JSON object a line")
    try:
        values = json.loads(
            text.decode(), parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{place} is not a JSON object: {error} (it is {short(text)})") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{place} is not a JSON object: it is {short(values)}")
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number: leave the field out where there is none")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON's silent last-one-wins for a repeated key would book an amount the writer did not mean."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"field {twice!r} is repeated")
    return values
