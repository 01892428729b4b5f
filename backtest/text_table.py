"""A comparison on a terminal: a table a file, and which configurations are shown better than others. Pure."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.text import Text

from tidewheel.cli.tables import FittedTable, separated
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
# What a narrow terminal does without, the first first.
OMISSIBLE = ("windows", "served", "net in all", "e gross", "flagged")
LEGEND = (
    "flagged: share of the orders of next windows that the models would have bought. lift: share of them that were "
    "PROFIT, less that of all orders; of the last 20 models. net: after the spread, in quote currency. e: what a "
    f"bettor who began with 1 and backs flagged orders one at a time now has; {WEAK_AT:g} is weak evidence of an edge, "
    f"{STRONG_AT:g} strong. e gross: at the bid; e net: she pays the spread."
)


def shown(comparison: Comparison) -> Group:
    """All that is printed."""
    files = (_file(comparison, history) for history in comparison.histories)
    return separated((*files, _sentence(LEGEND)))


def _file(comparison: Comparison, history: History) -> Group:
    table = FittedTable(HEAD, map(_cells, history.standings), ("configuration",), OMISSIBLE)
    leads = list(_leads(comparison, history))
    return separated((Group(Text(history.name), table), Group(*leads) if leads else None))


def _sentence(text: str) -> Constrain:
    """Lines that can be read on a wide terminal, too."""
    return Constrain(Text(text), WIDTH)


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


def _leads(comparison: Comparison, history: History) -> Iterator[RenderableType]:
    """The strongest duels, in words."""
    if len(history.standings) < 2:
        return
    shown = [lead for lead in history.leads if comparison.evidence(lead) is not Evidence.NONE]
    if not history.leads:
        yield _sentence("Nothing to compare: fewer than two configurations have flagged orders of next windows.")
    elif not shown:
        strongest = _lead(comparison, history, history.leads[0])
        yield _sentence(
            f"None is shown better than another. {thresholds_sentence(comparison)} The strongest: {strongest}"
        )
    else:
        yield _sentence(f"Shown better, by what flagged orders bring net. {thresholds_sentence(comparison)}")
        lines = [_lead(comparison, history, lead) for lead in shown[:LEADS_MAX]]
        if len(shown) > LEADS_MAX:
            lines.append(f"and {len(shown) - LEADS_MAX} more pairs, in --html and --json")
        yield Padding(Group(*map(Text, lines)), (0, 0, 0, 2), expand=False)


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
