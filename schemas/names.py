"""Characters allowed in names and texts: none with a special meaning to a list, a file or a terminal.

Control characters would move a terminal's cursor or start another line; characters that change the direction
of writing, or are not seen at all, would disguise one name as another. The joiners of Persian and Indian
scripts, which emoji use too, stay.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

NAME_LENGTH_MAX = 64
REASON_LENGTH_MAX = 1_000
_HARMLESS = (
    "[^\\x00-\\x1f\\x7f-\\x9f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\ufeff\\ufff9-\\ufffb\U000e0000-\U000e007f]"
)
WORDS_PATTERN = f"^{_HARMLESS}*$"
_NAME = re.compile(f"{_HARMLESS}{{1,{NAME_LENGTH_MAX}}}")
_STRANGE = re.compile(_HARMLESS.replace("[^", "[", 1))

Name = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH_MAX, pattern=WORDS_PATTERN)]
"""Of a symbol or a venue."""
Words = Annotated[str, Field(max_length=REASON_LENGTH_MAX, pattern=WORDS_PATTERN)]
"""A reason or a note."""


def not_blank(words: str) -> str:
    """The text; raises ValueError where nothing of it is seen."""
    if not any(letter.isprintable() and not letter.isspace() for letter in words):
        raise ValueError("it is blank: give a reason")
    return words


Reason = Annotated[Words, Field(min_length=1), AfterValidator(not_blank)]
"""Required of every halt, resume and change of a limit or a ledger."""


def is_name(text: str) -> bool:
    """Is it allowed as a name?"""
    return _NAME.fullmatch(text) is not None


def shown(text: str) -> str:
    """A text with its special characters escaped: a line feed is \\n."""
    return _STRANGE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
