"""Reasons and the bettor's account in words."""

from tidewheel.domain.account import Account
from tidewheel.domain.betting import STRONG_AT, WEAK_AT

WEALTH_SHOWN_MAX, WEALTH_SHOWN_MIN = 1e6, 0.01


def reason_text(reason: str) -> str:
    """A reason as it is counted, for people: `one_class` is one class."""
    return reason.replace("_", " ")


def wealth_text(wealth: float) -> str:
    """A bettor's wealth, who began with 1."""
    if wealth >= WEALTH_SHOWN_MAX:
        return f">{WEALTH_SHOWN_MAX:,.0f}"
    if wealth < WEALTH_SHOWN_MIN:
        return f"<{WEALTH_SHOWN_MIN}"
    return f"{wealth:,.0f}" if wealth >= 10 else f"{wealth:.2g}"


def account_summary(account: Account) -> str:
    """An account in a few characters."""
    return f"e {wealth_text(account.bettor.e_gross)}, net {wealth_text(account.bettor.e_net)}"


def account_sentence(account: Account) -> str:
    """An account in one sentence."""
    bettor = account.bettor
    gross, net = wealth_text(bettor.e_gross), wealth_text(bettor.e_net)
    return (
        f"e = {gross}: a bettor who began with 1 on what the models flagged, at fair odds, now has "
        f"{gross} after {bettor.bets:,} bets ({WEAK_AT:g} is weak evidence, {STRONG_AT:g} strong), "
        f"and {net} where she pays the spread"
    )
