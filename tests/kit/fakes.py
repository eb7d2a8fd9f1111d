"""Stand-ins for what is outside: a clock that the test moves, and a store that says how old it is."""

from runtime.store.documents import MemoryStore, StoreStatus


class ManualClock:
    """Seconds; it stands still until the test moves it."""

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class LaggingStore(MemoryStore):
    """A store whose writer may be silent, or that may be away."""

    def __init__(self, age_ms: int = 0) -> None:
        super().__init__()
        self.view = StoreStatus("live", age_ms)

    def status(self) -> StoreStatus:
        """As the test put it."""
        return self.view
