"""Cartea and Jaimungal (2015), also Cartea, Jaimungal and Penalva (2015), chapter 10: penalised inventory.

Maximises E[cash + q (mid - a q) - phi int q^2 dt]: the risk is in phi, and sigma does not appear. With
phi = gamma sigma^2/2 it is the model of Gueant, Lehalle and Fernandez-Tapia for a market maker who is neutral
to the risk of a single fill.
"""

from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.linear import linear_quote
from quote_service.quoting.models.result import ModelQuote

NAME = "cartea_jaimungal"


def quote(inputs: ModelInputs) -> ModelQuote:
    """Exact with a q_max; without one the closed form for no bound and no end.

    Uses phi and terminal_penalty (a); does not use sigma, gamma and fill_aversion. Raises ValueError for a
    tau_s without a q_max.
    """
    if inputs.q_max is not None:
        from quote_service.quoting.models.bounded import bounded_quote  # noqa: PLC0415  it loads numpy

        return bounded_quote(NAME, inputs, inputs.phi, 0.0)
    if inputs.horizon_s is not None:
        raise ValueError(
            f"q_max is None: {NAME} needs the largest inventory for a tau_s; pass it, or no tau_s"
        )
    return linear_quote(NAME, inputs, inputs.phi, 0.0)
