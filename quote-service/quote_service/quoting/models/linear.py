"""Quotes that are linear in the inventory: the closed form far from the end of a session.

Gueant, Lehalle and Fernandez-Tapia (2013), and Gueant (2017) equations 4.6 and 4.7 for any order size: with
a running penalty p q^2 of inventory (p = gamma sigma^2/2 in GLFT, phi in Cartea and Jaimungal),

    skew = sqrt(p/(k Delta eta)), half = c1 + cost + skew Delta/2, reservation = mid - skew (q - drift/(2 p)).
"""

from math import sqrt

from quote_service.quoting.models.arrival import fill_distance, fill_rate_per_s
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.result import ModelQuote, QuoteParts, assemble


def linear_skew(inputs: ModelInputs, penalty: float, aversion: float) -> float:
    """Price per base unit; `penalty` in money/(size^2 s), `aversion` in 1/money."""
    return sqrt(penalty / (inputs.k * inputs.order_size * fill_rate_per_s(inputs, aversion)))


def linear_quote(model: str, inputs: ModelInputs, penalty: float, aversion: float) -> ModelQuote:
    """The closed form; raises ValueError for drift without a penalty, which implies infinite inventory."""
    skew = linear_skew(inputs, penalty, aversion)
    widening = {
        "arrival": fill_distance(inputs, aversion),
        "fee": inputs.fee,
        "impact": inputs.impact / 2,
        "inventory_risk": skew * inputs.order_size / 2,
    }
    shifting = {"inventory": -skew * inputs.q, "drift": _drift_shift(model, inputs, penalty, skew)}
    return assemble(model, inputs, QuoteParts(widening, shifting, skew))


def _drift_shift(model: str, inputs: ModelInputs, penalty: float, skew: float) -> float:
    if inputs.drift == 0:
        return 0.0
    if penalty == 0:
        raise ValueError(
            f"drift is {inputs.drift}: {model} supports it only with an inventory penalty above 0; pass 0 "
            f"and move the mid by the expected amount, or raise gamma and sigma (phi in cartea_jaimungal)"
        )
    return inputs.drift / (2 * penalty) * skew
