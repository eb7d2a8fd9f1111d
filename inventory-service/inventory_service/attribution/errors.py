"""What is wrong with an input, in parts: the reader adds the file and the line."""


class InputError(ValueError):
    """A line that cannot be booked: which field, what it holds, and what would be right."""

    def __init__(self, field: str, value: object, remedy: str) -> None:
        super().__init__(f"{field}: {remedy} (it is {value!r})")
        self.field = field
        self.value = value
        self.remedy = remedy
