"""A bettor's account as it is kept with a scorecard: what she has, and what her open bets will be measured by."""

from dataclasses import dataclass, field

from tidewheel.domain.betting import STRONG_AT, WEAK_AT, Bettor

WEALTH_SHOWN_MAX, WEALTH_SHOWN_MIN = 1e6, 0.01


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

    @property
    def summary(self) -> str:
        """A few characters for people."""
        return f"e {format_wealth(self.bettor.e_gross)}, net {format_wealth(self.bettor.e_net)}"

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        bettor = self.bettor
        gross, net = format_wealth(bettor.e_gross), format_wealth(bettor.e_net)
        return (
            f"e = {gross}: a bettor who began with 1 on what the models flagged, at fair odds, now has "
            f"{gross} after {bettor.bets:,} bets ({WEAK_AT:g} is weak evidence, {STRONG_AT:g} strong), "
            f"and {net} where she pays the spread"
        )


def format_wealth(wealth: float) -> str:
    """Wealth for people."""
    if wealth >= WEALTH_SHOWN_MAX:
        return f">{WEALTH_SHOWN_MAX:,.0f}"
    return (
        f"<{WEALTH_SHOWN_MIN}" if wealth < WEALTH_SHOWN_MIN else f"{wealth:,.0f}" if wealth >= 10 else f"{wealth:.2g}"
    )
