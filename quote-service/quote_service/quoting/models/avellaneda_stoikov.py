"""Avellaneda and Stoikov (2008): a session that ends, inventory frozen to its end.

Reservation price r = s - q gamma sigma^2 tau and spread gamma sigma^2 tau + (2/gamma) log(1 + gamma/k), their
equations 29 and 30, here for fills of any size. What is not in the paper follows from its own argument, that
what is held after the next fill is held to the end: drift adds drift tau to what a unit is worth, and the
mid's move at a fill costs impact on all that is then held, old and new.
"""

from quote_service.quoting.models.arrival import fill_distance
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.result import ModelQuote, Parts, assemble

NAME = "avellaneda_stoikov"


def quote(inputs: ModelInputs) -> ModelQuote:
    """Needs tau_s, seconds to the end; does not use A, q_max, phi, terminal_penalty and fill_aversion.

    Choosing the horizon is choosing the skew, which grows with it and vanishes at the end: where there is
    no end, glft is the better model. Raises ValueError without a tau_s.
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
    return assemble(NAME, inputs, Parts(widening, shifting, skew))
