"""Optimal quotes under a hard inventory bound, at any time before the end: shared by the exact models.

Inventory is counted in orders of Delta. A price times Delta is money per order, so k/Delta takes the place of
k and the equations for orders of size 1 serve any size. The mid's move at a fill enters twice: half of it at
each fill, and at the end half of it as a penalty for each order held (Gueant, Lehalle and Fernandez-Tapia
2013, section 5; the derivation is in the tests).
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from quote_service.quoting.models.arrival import fill_distance, fill_rate_per_s
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.inventory_chain import (
    ORDERS_MAX,
    InventoryChain,
    Vector,
    ground_state,
    log_shape,
)
from quote_service.quoting.models.result import ModelQuote, QuoteParts, assemble

_SNAP_ORDERS = 1e-9
"""An inventory this close to a whole number of orders counts as that number: the rest is float rounding."""


def inventory_chain(model: str, inputs: ModelInputs, penalty: float, aversion: float) -> InventoryChain:
    """The equations for a running `penalty` in money/(size^2 s) and an `aversion` xi in 1/money."""
    k, size = inputs.k, inputs.order_size
    return InventoryChain(
        orders_max=_orders_max(model, inputs),
        alpha=k * penalty * size,
        beta=k * inputs.drift,
        eta=fill_rate_per_s(inputs, aversion),
        terminal=k * (inputs.terminal_penalty * size + inputs.impact / 2),
    )


def _orders_max(model: str, inputs: ModelInputs) -> int:
    if inputs.q_max is None:
        raise ValueError(f"q_max is None: {model} needs the largest inventory; pass it, or use glft")
    orders = int(min(inputs.q_max / inputs.order_size + _SNAP_ORDERS, ORDERS_MAX + 1))
    if not 1 <= orders <= ORDERS_MAX:
        raise ValueError(
            f"q_max is {inputs.q_max} and order_size {inputs.order_size}: {model} needs a bound of 1 to "
            f"{ORDERS_MAX} orders; pass another order_size or q_max, or use glft"
        )
    return orders


def bounded_quote(model: str, inputs: ModelInputs, penalty: float, aversion: float) -> ModelQuote:
    """Bid distance c1 + cost + (1/k) log(v_n/v_{n+1}), ask likewise with v_{n-1}.

    Stationary where tau_s is None. Distances are interpolated between whole orders; beyond the bound the
    reducing side is quoted as at the bound.
    """
    chain = inventory_chain(model, inputs, penalty, aversion)
    lean = calm = _lean(chain, inputs)
    # the drift's steps are the difference to the quote without drift, so that all steps add up
    if inputs.drift != 0:
        calm = _lean(replace(chain, beta=0.0), inputs)
    widening = {
        "arrival": fill_distance(inputs, aversion),
        "fee": inputs.fee,
        "impact": inputs.impact / 2,
        "inventory_risk": calm.width,
        "drift_risk": lean.width - calm.width,
    }
    shifting = {"inventory": -calm.cost, "drift": calm.cost - lean.cost}
    orders = inputs.q / inputs.order_size
    parts = QuoteParts(
        widening,
        shifting,
        lean.slope,
        has_bid=orders <= chain.orders_max - 1 + _SNAP_ORDERS,
        has_ask=orders >= 1 - chain.orders_max - _SNAP_ORDERS,
    )
    return assemble(model, inputs, parts)


def order_costs(chain: InventoryChain, inputs: ModelInputs) -> Vector:
    """Price, for n = -N..N-1: (1/k) log(v_n/v_{n+1}), the indifference cost per unit of one more order."""
    if inputs.horizon_s is None:
        return ground_state(chain).log_ratios / inputs.k
    return -np.diff(log_shape(chain, inputs.horizon_s)) / inputs.k


class _Lean(NamedTuple):
    """At one inventory: cost of holding a unit, half the gap between buying and selling one, slope."""

    cost: float
    width: float
    slope: float


def _lean(chain: InventoryChain, inputs: ModelInputs) -> _Lean:
    """At the bound the open side's cost is used for the barred side too."""
    costs = order_costs(chain, inputs)
    bought, sold = np.append(costs, costs[-1]), np.insert(costs, 0, costs[0])
    cost = (bought + sold) / 2
    curves = (cost, (bought - sold) / 2, np.gradient(cost, inputs.order_size))
    orders = inputs.q / inputs.order_size
    return _Lean(*(float(np.interp(orders, chain.orders, curve)) for curve in curves))
