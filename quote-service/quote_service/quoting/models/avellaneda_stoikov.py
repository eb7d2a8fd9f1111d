"""Avellaneda and Stoikov (2008): a session with an end, and inventory held to that end.

Reservation price r = s - q gamma sigma^2 tau and spread gamma sigma^2 tau + (2/gamma) log(1 + gamma/k), their
equations 29 and 30, here for fills of any size. Extensions follow the paper's own argument that inventory
after the next fill is held to the end: drift adds drift tau to the value of a unit, and the mid's move at a
fill costs impact on all inventory then held, old and new.
"""

from quote_service.quoting.models.arrival import fill_distance
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.result import ModelQuote, QuoteParts, assemble

NAME = "avellaneda_stoikov"


def quote(inputs: ModelInputs) -> ModelQuote:
    """Needs tau_s, seconds to the end; does not use A, q_max, phi, terminal_penalty and fill_aversion.

    The horizon sets the skew, which is proportional to it and vanishes at the end: for continuous
    trading glft is the better model. Raises ValueError without a tau_s.
    """
    if inputs.horizon_s is None:
        raise ValueError(f"tau_s is None: {NAME} needs the seconds to the end; pass them, or use glft")
    risk = inputs.gamma * inputs.sigma**2 * inputs.horizon_s
    widening = {
        "arrival": fill_distance(inputs, inputs.gamma),
        "fee": inputs.fee,
        "impact": inputs.impact,
        "inventory_risk": risk * inputs.order_size / 2,
    }
    skew = risk + inputs.impact / inputs.order_size
    shifting = {"inventory": -skew * inputs.q, "drift": inputs.drift * inputs.horizon_s}
    return assemble(NAME, inputs, QuoteParts(widening, shifting, skew))
