"""Attribution of a market maker's profit, after the fact: pure, exact, in one pass.

Source: docs/FORMULAS.md, PnL identity.

At every event, to the last digit, with money in the settlement currency (quote; base for inverse contracts):

        equity change = cash + q V(m)                            what the account shows
                                    = capture + inventory - fees + funding     the explanation
    capture   = sum s z (V(m at the fill) - V(p))
    inventory = sum q (V(m now) - V(m before)), over all mids, q the position held between them

s is +1 for our buy and -1 for our sell, z the size, p the price, m the mid, q the position, and V(p) the
value of one unit of size at price p (see `contracts`). Fees are signed: a cost is positive, a rebate
negative. Funding received is positive. The account starts flat: an initial position is a fill at the mid.
"""
