"""The decimal context of decisions, the same wherever a core runs.

A library may change the context of its caller (ccxt permanently sets our rounding each time it formats a
number): the 28th digit of a quotient would then depend on whether the process uses an exchange, and a replay
would diverge.
"""

from decimal import ROUND_HALF_EVEN, Context, DivisionByZero, InvalidOperation, Overflow

DECIMALS = Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""For use with `decimal.localcontext`."""
