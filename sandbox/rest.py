"""REST: requests by method and path, without a network. Refusals raise VenueError."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.accounts import Account
from sandbox.depth import Depth
from sandbox.exchange import SandboxExchange
from sandbox.faults import Faults
from sandbox.lookups import Lookups
from sandbox.params import Params
from sandbox.public_data import PublicData
from sandbox.trading import Trading


class Rest:
    """Public and private requests."""

    def __init__(
        self,
        exchange: SandboxExchange,
        depths: Mapping[str, Depth],
        faults: Faults,
        now_ms: Callable[[], int],
        steady_ns: Callable[[], int],
    ) -> None:
        self.public_data = PublicData(exchange, depths, now_ms)
        self.lookups = Lookups(exchange, faults, now_ms, steady_ns)
        self._trading = Trading(exchange, faults, now_ms)
        self.public: Mapping[tuple[str, str], Callable[[Params], Any]] = self.public_data.requests
        self.private: Mapping[tuple[str, str], Callable[[Account, Params], Any]] = {
            **self._trading.requests,
            **self.lookups.requests,
        }

    def needs_trading(self, method: str, path: str) -> bool:
        """Does the request need a key with trading permission?"""
        return (method, path) in self._trading.requests
