"""What incidents happened to: the engine's command line, and the exchange that it traded at."""

from tests.system.conftest import maker
from tests.system.sandbox.conftest import sandbox

__all__ = ("maker", "sandbox")
