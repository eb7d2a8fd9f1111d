"""Gueant, Lehalle and Fernandez-Tapia (2013): the exact quotes under a hard inventory bound."""

from quote_service.quoting.models.glft import running_penalty
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.result import ModelQuote

NAME = "glft_exact"


def quote(inputs: ModelInputs) -> ModelQuote:
    """Their theorem 1, for any order size, and far from the end their theorem 2 (tau_s None).

    Needs q_max; uses every field but phi. No bid at the bound when long, no ask when short. Raises
    ValueError without a q_max, or where it is outside 1 to ORDERS_MAX orders.
    """
    from quote_service.quoting.models.bounded import bounded_quote  # noqa: PLC0415  it loads numpy

    return bounded_quote(NAME, inputs, running_penalty(inputs), inputs.xi)
