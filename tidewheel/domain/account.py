"""A bettor's account as it is kept with a scorecard: what she has, and what her open bets will be measured by."""

from dataclasses import dataclass, field

from tidewheel.domain.betting import Bettor


@dataclass(frozen=True, slots=True)
class ModelPeriod:
    """Orders placed after `from_ns`, up to the next period's, are flagged by model `seq` and measured in `unit_e9`."""

    seq: int
    from_ns: int
    unit_e9: int


@dataclass(frozen=True, slots=True)
class Account:
    """As of the close of a window. `periods`: the last ones, from whose orders some may still be open. `unit_e9`: what
    orders of the next period are measured in, 0 where that is not known."""

    bettor: Bettor = field(default_factory=Bettor)
    periods: tuple[ModelPeriod, ...] = ()
    unit_e9: int = 0
