"""A bettor's account as it is kept with a scorecard: what she has, and what her open bets will be measured by."""

from dataclasses import dataclass, field

from tidewheel.domain.betting import STRONG_AT, WEAK_AT, Bettor

TOLD_MAX, TOLD_MIN = 1e6, 0.01


@dataclass(frozen=True, slots=True)
class Era:
    """Orders placed after `from_ns`, up to the next era's, are flagged by model `seq` and measured in `unit_e9`."""

    seq: int
    from_ns: int
    unit_e9: int


@dataclass(frozen=True, slots=True)
class Account:
    """As of the close of a window. `eras`: the last ones, from whose orders some may still be open. `unit_e9`: what
    orders of the next era are measured in, 0 where that is not known."""

    bettor: Bettor = field(default_factory=Bettor)
    eras: tuple[Era, ...] = ()
    unit_e9: int = 0

    @property
    def short(self) -> str:
        """A few characters for people."""
        return f"e {told(self.bettor.e_gross)}, net {told(self.bettor.e_net)}"

    @property
    def words(self) -> str:
        """One sentence for people."""
        bettor = self.bettor
        return (
            f"e = {told(bettor.e_gross)}: a bettor who began with 1 on what the models flagged, at fair odds, now has "
            f"{told(bettor.e_gross)} after {bettor.bets:,} bets ({WEAK_AT:g} is weak evidence, {STRONG_AT:g} strong), "
            f"and {told(bettor.e_net)} where she pays the spread"
        )


def told(wealth: float) -> str:
    """Wealth for people."""
    if wealth >= TOLD_MAX:
        return f">{TOLD_MAX:,.0f}"
    return f"<{TOLD_MIN}" if wealth < TOLD_MIN else f"{wealth:,.0f}" if wealth >= 10 else f"{wealth:.2g}"
