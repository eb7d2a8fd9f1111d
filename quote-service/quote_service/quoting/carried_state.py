"""The quoter's state that survives a change of code or configuration, see schemas.carried.quoter."""

from decimal import Decimal

from quote_service.quoting.ladder.after_fills import AfterFills, FilledSide, Hanging
from quote_service.quoting.ladder.bands import MovingBand
from quote_service.quoting.ladder.shape import ShapeMemory
from quote_service.quoting.reaction.bursts import Burst, TakerBursts
from schemas.carried.quoter import CarriedHanging, CarriedSide, QuoterCarried
from schemas.market import Instrument


def side_carried(side: FilledSide, burst: Burst) -> CarriedSide:
    """The carried form of one side."""
    return CarriedSide(
        filled_ns=side.filled_ns,
        hanging=tuple(
            CarriedHanging(price_ticks=each.price_ticks, size_lots=each.lots, since_ns=each.since_ns)
            for each in side.hanging
        ),
        burst_until_ns=burst.until_ns,
        burst_depths=burst.depths,
    )


def bursts_after(carried: QuoterCarried) -> TakerBursts:
    """The bursts of takers to which the sides still react, under any contract."""
    return TakerBursts(
        Burst(carried.bid.burst_until_ns, carried.bid.burst_depths),
        Burst(carried.ask.burst_until_ns, carried.ask.burst_depths),
    )


def units_of(instrument: Instrument | None) -> tuple[Decimal, Decimal] | tuple[None, None]:
    """Tick and lot."""
    return (None, None) if instrument is None else (instrument.tick_size, instrument.lot_size)


def memory_after(memory: ShapeMemory, carried: QuoterCarried | None, instrument: Instrument) -> ShapeMemory:
    """The shape memory to start from once the contract is known.

    Prices and sizes in another contract's units are dropped; that a side was filled counts in any.
    """
    if carried is None:
        return memory
    bid, ask = _side(carried.bid), _side(carried.ask)
    if (carried.tick_size, carried.lot_size) != units_of(instrument):
        bid.hanging, ask.hanging = [], []
        return ShapeMemory(after_fills=AfterFills(bid, ask))
    band = MovingBand(carried.band_reference_ticks, carried.band_since_ns)
    return ShapeMemory(band, AfterFills(bid, ask))


def _side(carried: CarriedSide) -> FilledSide:
    hanging = [Hanging(each.price_ticks, each.size_lots, each.since_ns) for each in carried.hanging]
    return FilledSide(carried.filled_ns, hanging)
