"""Characters allowed in names and texts: none with a special meaning to a list, a file or a terminal.

Control characters would move a terminal's cursor or start another line; characters that change the direction
of writing would disguise one name as another.
"""

import re
from typing import Annotated

from pydantic import Field

NAME_LENGTH_MAX = 64
REASON_LENGTH_MAX = 1_000
_HARMLESS = "[^\\x00-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]"
WORDS_PATTERN = f"^{_HARMLESS}*$"
_NAME = re.compile(f"{_HARMLESS}{{1,{NAME_LENGTH_MAX}}}")
_STRANGE = re.compile(_HARMLESS.replace("[^", "[", 1))

Name = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH_MAX, pattern=WORDS_PATTERN)]
"""Of a symbol or a venue."""
Words = Annotated[str, Field(max_length=REASON_LENGTH_MAX, pattern=WORDS_PATTERN)]
"""A reason or a note."""


def is_name(text: str) -> bool:
    """Is it allowed as a name?"""
    return _NAME.fullmatch(text) is not None


def shown(text: str) -> str:
    """A text with its special characters escaped: a line feed is \\n."""
    return _STRANGE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
