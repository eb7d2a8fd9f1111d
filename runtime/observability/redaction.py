"""Redacts secrets in text that is logged, published or shown.

By value: everything that was read as a secret. By pattern: secrets in requests, URLs and headers of
exchanges, since signatures and session keys are generated and not read from a file.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "***"
_SECRET_LENGTH_MIN = 8
"""Shorter ones could match ordinary words."""
_WORDS = (
    r"signature|api[-_]?key|secret|passw(?:or)?d|passphrase|token|listen[-_]?key|authorization|"
    r"access[-_]?sign|(?:access|secret|private)[-_]?key|api[-_]?sign|credential"
)
_NAME = re.compile(rf"(?i)(?:{_WORDS})s?$")
_PATTERNS = (
    (re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s'\"?#<>,;]*@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"\$argon2[^\s'\"]+"), HIDDEN),
    (re.compile(r"(/ws/)\w{40,}"), rf"\1{HIDDEN}"),
    (
        re.compile(
            rf"(?i)((?:{_WORDS}|\bcookie)s?[\"']?\s*[=:]\s*)"
            r"(?:b?\"[^\"]*\"?|b?'[^']*'?|[^\s&,;}\])\"']+)"
        ),
        rf"\1{HIDDEN}",
    ),
)
_known: dict[str, None] = {}


def remember(secret: str) -> None:
    """Redact a secret from now on, in all its encodings; of a multi-line one, each line too."""
    for text in (secret, *(line for line in secret.splitlines() if not line.startswith("-----"))):
        for form in (text, quote(text, safe=""), quote_plus(text), repr(text)[1:-1]):
            if len(form) >= _SECRET_LENGTH_MIN:
                _known[form] = None


def is_secret_name(name: str) -> bool:
    """Whether a field of this name contains a secret; not if it ends in `_file`, which names a file."""
    return _NAME.search(name) is not None


def redacted(text: str) -> str:
    """The text with secrets redacted."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redacted_value(name: str, value: Any) -> Any:
    """A field's value with secrets redacted, recursively."""
    if value is None or isinstance(value, bool | int | float):
        return HIDDEN if is_secret_name(name) and value is not None else value
    if is_secret_name(name):
        return HIDDEN
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: redacted_value(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_value(name, item) for item in value]
    return redacted(repr(value))
