"""A made-up market whose quotes come within their seconds, so that the first order of a second sees the close
before."""

from dataclasses import replace

from tests.synthetic_seconds import START, seconds
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.time import NS_PER_S


def quoted_seconds(count: int, *, start: int = START, at_the_start: bool = False) -> list[MarketSecond]:
    """One quote a second, in its middle or at its first instant."""
    shift_ns = 0 if at_the_start else NS_PER_S // 2
    return [
        replace(second, quotes=replace(second.quotes, time_ns=second.quotes.time_ns + shift_ns))
        for second in seconds(count, start)
    ]
