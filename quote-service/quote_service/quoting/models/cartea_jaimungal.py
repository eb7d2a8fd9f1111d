"""Cartea and Jaimungal (2015), also Cartea, Jaimungal and Penalva (2015), chapter 10: penalised inventory.

Maximises E[cash + q (mid - a q) - phi int q^2 dt]: the risk is in phi, and sigma does not appear. With
phi = gamma sigma^2/2 it is the model of Gueant, Lehalle and Fernandez-Tapia for one who does not mind the
risk of a single fill.
"""

import numpy as np

from quote_service.quoting.models.bounded import bounded_quote, inventory_chain
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.inventory_chain import Vector, log_value
from quote_service.quoting.models.linear import linear_quote
from quote_service.quoting.models.result import ModelQuote

NAME = "cartea_jaimungal"


def quote(inputs: ModelInputs) -> ModelQuote:
    """Exact with a q_max, and the closed form for no bound and no end without one.

    Uses phi and terminal_penalty (a); does not use sigma, gamma and fill_aversion. Raises ValueError for a
    tau_s without a q_max.
    """
    if inputs.q_max is not None:
        return bounded_quote(NAME, inputs, inputs.phi, 0.0)
    if inputs.horizon_s is not None:
        raise ValueError(
            f"q_max is None: {NAME} needs the largest inventory for a tau_s; pass it, or no tau_s"
        )
    return linear_quote(NAME, inputs, inputs.phi, 0.0)


def value_of_inventory(inputs: ModelInputs) -> Vector:
    """Money, for q = -q_max..q_max in steps of order_size: h, what quoting to the end is worth beside q mid.

    Raises ValueError without q_max or tau_s, for which it is infinite.
    """
    if inputs.horizon_s is None:
        raise ValueError("tau_s is None: quoting for ever is worth any sum; pass the seconds to the end")
    chain = inventory_chain(NAME, inputs, inputs.phi, 0.0)
    # the chain counts half of the impact on what is held now as paid (see bounded): it is not
    held = inputs.impact / 2 * inputs.order_size * chain.orders**2
    return np.asarray(log_value(chain, inputs.horizon_s) * inputs.order_size / inputs.k + held)
