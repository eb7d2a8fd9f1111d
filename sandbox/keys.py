"""API keys: their accounts and permissions, and whether a request is signed by one in time."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.accounts import Account
from sandbox.errors import VenueError
from sandbox.params import Params, whole

_RECV_WINDOW_MS, _RECV_WINDOW_MS_MAX = 5_000, 60_000
_AHEAD_MS_MAX = 1_000


@dataclass(slots=True)
class ApiKey:
    """One key of an account."""

    secret: str
    account: Account
    trades: bool = True
    withdraws: bool = False
    is_ip_restricted: bool = True
    is_accepted: bool = True
    """False: deleted, or used from an address not on its list."""

    def restrictions(self, now_ms: int) -> dict[str, Any]:
        """The answer to GET /sapi/v1/account/apiRestrictions."""
        return {
            "ipRestrict": self.is_ip_restricted,
            "createTime": now_ms,
            "enableReading": True,
            "enableSpotAndMarginTrading": self.trades,
            "enableWithdrawals": self.withdraws,
            "enableInternalTransfer": False,
            "permitsUniversalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "enableVanillaOptions": False,
            "enablePortfolioMarginTrading": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
        }


class Keys:
    """All keys by their names."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.by_name: dict[str, ApiKey] = {}

    def authenticate(
        self, params: Params, name: str | None = None, signed: str = "", *, trades: bool = False
    ) -> ApiKey:
        """The signing key; raises VenueError. `signed`: the signed text; `trades`: it needs to trade."""
        key = self.by_name.get(name or params.get("apiKey", ""))
        if key is None or not key.is_accepted or (trades and not key.trades):
            raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        made = hmac.new(key.secret.encode(), (signed or _sorted(params)).encode(), hashlib.sha256)
        if not hmac.compare_digest(made.hexdigest(), params.get("signature", "").lower()):
            raise VenueError(-1022, "Signature for this request is not valid.")
        self._check_time(params)
        return key

    def _check_time(self, params: Params) -> None:
        age_ms = self._now_ms() - whole(params, "timestamp", 0)
        window_ms = whole(params, "recvWindow", _RECV_WINDOW_MS)
        if window_ms > _RECV_WINDOW_MS_MAX:
            text = "'recvWindow' contains unexpected value. Cannot be greater than 60000."
            raise VenueError(-1102, text)
        if age_ms <= -_AHEAD_MS_MAX:
            raise VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if age_ms > window_ms:
            raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _sorted(params: Mapping[str, str]) -> str:
    """The signed text of an API socket message."""
    named = sorted(item for item in params.items() if item[0] != "signature")
    return "&".join(f"{name}={value}" for name, value in named)
