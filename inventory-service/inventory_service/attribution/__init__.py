"""Where a market maker's profit came from, after the fact: pure, exact, in one pass (quant.md 5 and 7).

At every event, to the last digit, with money in the settlement currency (quote; base for inverse contracts):

    equity change = cash + q V(m)                            what the account shows
                  = capture + inventory - fees + funding     why it shows that
    capture   = sum s z (V(m at the fill) - V(p))
    inventory = sum q (V(m now) - V(m before)), over all mids, q the position held between them

s is +1 for a buy of ours and -1 for a sale, z the size, p the price, m the mid, q the position, and V(p)
what one unit of size is worth at price p (see `contracts`). Fees are signed: a cost is positive, a rebate
negative. Funding received is positive. The account starts flat: a position brought in is a fill at the mid.
"""
