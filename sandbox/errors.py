"""The venue's own error codes and texts."""


class VenueError(Exception):
    """A refusal."""

    retry_after_s: int | None = None

    def __init__(self, code: int, message: str, status: int = 400, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.data = data

    @property
    def body(self) -> dict[str, object]:
        """The body of the answer."""
        body: dict[str, object] = {"code": self.code, "msg": self.message}
        return body if self.data is None else body | {"data": self.data}

    @property
    def headers(self) -> dict[str, str]:
        """The headers about waiting."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}


def unknown_order() -> VenueError:
    """Cancel or amend of an order that is not open."""
    return VenueError(-2011, "Unknown order sent.")


def no_such_order() -> VenueError:
    """Look-up of an order that does not exist."""
    return VenueError(-2013, "Order does not exist.")


def refused(text: str) -> VenueError:
    """A new order is rejected."""
    return VenueError(-2010, text)


def amend_rejected(text: str) -> VenueError:
    """An amend that keeps priority is rejected."""
    return VenueError(-2038, text)


def filter_failure(name: str) -> VenueError:
    """A filter of the symbol failed."""
    return VenueError(-1013, f"Filter failure: {name}")


WOULD_TAKE = "Order would immediately match and take."
DUPLICATE = "Duplicate order sent."
NO_BALANCE = "Account has insufficient balance for requested action."
DISABLED = "This action is disabled on this account."
