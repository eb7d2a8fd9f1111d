"""The closed-form approximation of Gueant, Lehalle and Fernandez-Tapia (2013): no horizon, no bound."""

from math import sqrt

from quote_service.quoting.models.arrival import fill_rate_per_s
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.linear import linear_quote
from quote_service.quoting.models.result import ModelQuote

NAME = "glft"


def running_penalty(inputs: ModelInputs) -> float:
    """Money/(size^2 s): gamma sigma^2/2, the cost per second of inventory under CARA utility."""
    return inputs.gamma * inputs.sigma**2 / 2


def quote(inputs: ModelInputs) -> ModelQuote:
    """Uses every field but tau_s, q_max, phi and terminal_penalty.

    Good where the session lasts several `relaxation_time_s` and inventory stays well inside its
    bound; with a strong skew it overstates the lean at large inventories (see glft_exact).
    """
    return linear_quote(NAME, inputs, running_penalty(inputs), inputs.xi)


def relaxation_time_s(inputs: ModelInputs) -> float | None:
    """Seconds: 1/(2 sqrt(alpha eta)), after which the horizon no longer matters; None without risk aversion.

    The spectral gap in Gueant, Lehalle and Fernandez-Tapia (2013), section 4.
    """
    alpha = inputs.k * inputs.order_size * running_penalty(inputs)
    rate = sqrt(alpha) * sqrt(fill_rate_per_s(inputs, inputs.xi))
    return 1 / (2 * rate) if rate > 0 else None
