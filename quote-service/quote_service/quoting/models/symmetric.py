"""Quotes that ignore inventory: the distance that earns most per second, on both sides."""

from quote_service.quoting.models.arrival import fill_distance
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.result import ModelQuote, QuoteParts, assemble

NAME = "symmetric"


def quote(inputs: ModelInputs) -> ModelQuote:
    """Half-spread 1/k + fee + impact, which maximises A exp(-k d) (d - fee - impact); uses no other input.

    The full impact counts, where models that control inventory pay half: over n fills the mid's moves cost
    impact (n + q^2)/2, and without inventory control the mean of q^2 is n.
    """
    widening = {"arrival": fill_distance(inputs, 0.0), "fee": inputs.fee, "impact": inputs.impact}
    return assemble(NAME, inputs, QuoteParts(widening, {}, 0.0))
