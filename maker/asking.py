"""What users of the engine's own machine ask of it: checked, attributed, and sent as commands."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import ConfigError
from schemas.control import Command
from schemas.message import ALL_SYMBOLS
from schemas.names import Reason


class Word(BaseModel):
    """One person's request, or approval of another's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    principal: str = Field(min_length=1, max_length=128)
    is_request: bool = False
    """The first of two, which decides nothing on its own."""
    agrees_with: str | None = None
    """The person whose request it approves."""


class AskedOfEngine(BaseModel):
    """About a symbol (`venue:symbol`), or about all by `*:*`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    reason: Reason
    words: tuple[Word, ...] = ()
    """Empty: the user of the engine's machine."""


AskedT = TypeVar("AskedT", bound=AskedOfEngine)
ModelT = TypeVar("ModelT", bound=BaseModel)


def checked(kind: type[ModelT], fields: dict[str, Any]) -> ModelT:
    """The fields as this kind of object; raises ConfigError, naming the first that is wrong."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


class PeopleDesk(Generic[AskedT]):
    """The engine's side: sends the commands of what is asked; who reads them decides."""

    def __init__(
        self,
        kind: type[AskedT],
        commands: Callable[[AskedT, int], Sequence[Command]],
        send: Callable[[Command], None],
        now_ns: Callable[[], int],
        keys: Callable[[], Sequence[str]],
    ) -> None:
        """`commands` makes them at a time; `keys` are those of every traded symbol."""
        self._kind = kind
        self._commands = commands
        self._send = send
        self._now_ns = now_ns
        self._keys = keys

    def answer(self, query: dict[str, Any], user: str) -> dict[str, Any]:
        """Send what is asked. Raises ConfigError."""
        asked = checked(self._kind, query)
        if asked.key not in (f"{ALL_SYMBOLS}:{ALL_SYMBOLS}", *self._keys()):
            raise ConfigError(f"no symbol is called {asked.key!r} here")
        if not asked.words:
            asked = asked.model_copy(update={"words": (Word(principal=user),)})
        commands = self._commands(asked, self._now_ns())
        for command in commands:
            self._send(command)
        return {"sent": [command.command_id for command in commands]}
