"""Input errors in parts: the reader adds file and line."""


class InputError(ValueError):
    """A line that cannot be booked: the field, its value, and the remedy."""

    def __init__(self, field: str, value: object, remedy: str) -> None:
        super().__init__(f"{field}: {remedy} (it is {value!r})")
        self.field = field
        self.value = value
        self.remedy = remedy
