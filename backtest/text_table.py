"""A comparison on a terminal: a table a file, and which configurations are shown better than others. Pure."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from tidewheel.domain.betting import STRONG_AT, WEAK_AT
from tidewheel.domain.comparison import Comparison, History, Lead, Standing
from tidewheel.domain.models import Evidence
from tidewheel.presentation.numbers import NONE, count, money, money_an_order, percent, signed_interval
from tidewheel.presentation.sentences import wealth_text

LEADS_MAX = 8
WIDTH = 118
HEAD = (
    *("configuration", "windows", "served", "flagged", "lift (95 %)"),
    *("net an order", "net in all", "e gross", "e net", "evidence"),
)
LEGEND = (
    "flagged: share of the orders of next windows that the models would have bought. lift: share of them that were "
    "PROFIT, less that of all orders; of the last 20 models. net: after the spread, in quote currency. e: what a "
    f"bettor who began with 1 and backs flagged orders one at a time now has; {WEAK_AT:g} is weak evidence of an edge, "
    f"{STRONG_AT:g} strong. e gross: at the bid; e net: she pays the spread."
)


def lines(comparison: Comparison) -> Iterator[str]:
    """All that is printed."""
    for history in comparison.histories:
        yield history.name
        yield from _aligned([HEAD, *map(_cells, history.standings)])
        yield ""
        yield from _leads(comparison, history)
    yield from wrap(LEGEND, WIDTH)


def _cells(one: Standing) -> tuple[str, ...]:
    return (
        one.name,
        count(one.windows),
        count(one.models),
        percent(one.flagged, one.rows),
        NONE if one.lift is None else signed_interval(*one.lift),
        NONE if one.net_an_order_e9 is None else money_an_order(one.net_an_order_e9),
        money(one.net_e9),
        wealth_text(one.e_gross),
        wealth_text(one.e_net),
        one.evidence,
    )


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they must be: the first and the last to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *figures, last in rows:
        aligned = (f"{cell:>{width}}" for cell, width in zip(figures, widths[1:-1], strict=True))
        yield "  ".join((f"  {first:<{widths[0]}}", *aligned, last))


def _leads(comparison: Comparison, history: History) -> Iterator[str]:
    """The strongest duels, in words."""
    if len(history.standings) < 2:
        return
    shown = [lead for lead in history.leads if comparison.evidence(lead) is not Evidence.NONE]
    if not history.leads:
        yield "  Nothing to compare: fewer than two configurations have flagged orders of next windows."
    elif not shown:
        strongest = _lead(comparison, history, history.leads[0])
        yield from _wrapped(
            f"None is shown better than another. {thresholds_sentence(comparison)} The strongest: {strongest}"
        )
    else:
        yield from _wrapped(f"Shown better, by what flagged orders bring net. {thresholds_sentence(comparison)}")
        yield from (f"    {_lead(comparison, history, lead)}" for lead in shown[:LEADS_MAX])
        if len(shown) > LEADS_MAX:
            yield f"    and {len(shown) - LEADS_MAX} more pairs, in --html and --json"
    yield ""


def _wrapped(words: str) -> list[str]:
    return wrap(words, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _lead(comparison: Comparison, history: History, lead: Lead) -> str:
    better, worse = history.standings[lead.better].name, history.standings[lead.worse].name
    weight = comparison.evidence(lead)
    words = "" if weight is Evidence.NONE else f", {weight} evidence"
    return f"{better} over {worse}: e = {wealth_text(lead.e)} after {lead.rounds:,} rounds{words}."


def thresholds_sentence(comparison: Comparison) -> str:
    """How much is asked for, and why."""
    return (
        f"Who looks at {comparison.looks:,} duels asks for {comparison.looks:,} times as much: weak from e = "
        f"{comparison.weak_at:,.0f}, strong from {comparison.strong_at:,.0f}."
    )
