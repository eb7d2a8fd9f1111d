"""The symmetric model: nothing but the law of arrival."""

import numpy as np
import pytest
from quote_service.quoting.models import symmetric

from tests.unit.quote_service.models.model_cases import PAPER, given


def test_it_knows_neither_inventory_nor_risk() -> None:
    quote = symmetric.quote(given(PAPER, q=50, sigma=9, drift=3, gamma=1, tau_s=1))
    assert quote.reservation == 100
    assert quote.bid_distance == quote.ask_distance == pytest.approx(1 / 1.5, rel=1e-15)
    assert quote.skew_per_unit == 0


@pytest.mark.parametrize(("fee", "impact"), [(0.0, 0.0), (0.3, 0.0), (-0.2, 0.0), (0.1, 0.4)])
def test_no_other_distance_earns_more(fee: float, impact: float) -> None:
    """Each fill costs the fee and, as the square of inventory grows by one a fill, the whole impact."""
    half = symmetric.quote(given(PAPER, fee=fee, impact=impact)).half_spread
    others = half + np.linspace(-0.3, 0.3, 601)
    earned = 140 * np.exp(-1.5 * others) * (others - fee - impact)
    assert others[earned.argmax()] == pytest.approx(half, abs=1e-9)


def test_a_rebate_larger_than_the_distance_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fee is -0\.7 .* is -1\.\d+ and must be above -1 .*cap a rebate"):
        symmetric.quote(given(PAPER, fee=-0.7))
