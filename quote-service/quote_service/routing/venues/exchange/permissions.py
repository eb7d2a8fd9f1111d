"""Checks the API key's permissions, before the first order and when requests are rejected."""

from dataclasses import dataclass

from quote_service.routing.venues.exchange.client import RestClient
from quote_service.routing.venues.exchange.dialects import KeyPermissions
from quote_service.routing.venues.exchange.outcomes import (
    ACCOUNT_REFUSED,
    NoAnswerError,
    RequestFailedError,
    RequestRefusedError,
)


class AccountRefusedError(RequestRefusedError):
    """The key may not trade, or may do more than trade: an operator must fix it."""

    def __init__(self, detail: str) -> None:
        super().__init__(ACCOUNT_REFUSED, detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True)
class KeyCheck:
    """Checks the key against the venue."""

    rest: RestClient

    async def run(self) -> None:
        """Raises AccountRefusedError, or RequestFailedError where the venue did not answer."""
        config = self.rest.config
        try:
            permissions = await self.rest.request("account", "query", self.rest.dialect.key_permissions)
        except NoAnswerError:
            raise
        except RequestFailedError as failure:
            if failure.reason == ACCOUNT_REFUSED:
                raise AccountRefusedError(
                    f"{config.id} rejects the API key in {config.api_key_file}: {failure}. The key is wrong, "
                    "or lacks a permission or this IP address: fix it at the exchange, or use another key"
                ) from failure
            raise
        self._judge(permissions)

    def _judge(self, permissions: KeyPermissions) -> None:
        config = self.rest.config
        if permissions.can_trade is False:
            raise AccountRefusedError(
                f"{config.id} does not let the API key in {config.api_key_file} trade: give it permission to "
                f"trade {self.rest.dialect.venue.title}, or use another key"
            )
        if permissions.can_withdraw and not config.withdrawal_key_allowed:
            raise AccountRefusedError(
                f"the API key in {config.api_key_file} can withdraw, which an engine never needs: create a "
                "key without that permission, or set exchange.withdrawal_key_allowed: true"
            )
