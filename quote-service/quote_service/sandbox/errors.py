"""The venue's own error codes and texts."""


class VenueError(Exception):
    """An answer that is a refusal."""

    retry_after_s: int | None = None

    def __init__(self, code: int, message: str, status: int = 400, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.data = data

    @property
    def body(self) -> dict[str, object]:
        """As it stands in the answer."""
        body: dict[str, object] = {"code": self.code, "msg": self.message}
        return body if self.data is None else body | {"data": self.data}


def unknown_order() -> VenueError:
    """Cancel or amend of what is not open."""
    return VenueError(-2011, "Unknown order sent.")


def no_such_order() -> VenueError:
    """Look-up of what never was."""
    return VenueError(-2013, "Order does not exist.")


def refused(text: str) -> VenueError:
    """New order rejected."""
    return VenueError(-2010, text)


def filter_failure(name: str) -> VenueError:
    """A filter of the symbol."""
    return VenueError(-1013, f"Filter failure: {name}")


WOULD_TAKE = "Order would immediately match and take."
DUPLICATE = "Duplicate order sent."
NO_BALANCE = "Account has insufficient balance for requested action."
