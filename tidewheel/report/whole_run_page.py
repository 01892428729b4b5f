"""A whole run as a page: what came of it, evidence and scorecards over time, every model, what was rejected."""

from collections.abc import Iterator

from markupsafe import Markup

from tidewheel.domain.models import Verdict
from tidewheel.domain.time import NS_PER_S
from tidewheel.presentation.numbers import NONE, count, percent
from tidewheel.presentation.sentences import reason_text, wealth_text
from tidewheel.presentation.times import timestamp
from tidewheel.presentation.typography import duration, number, threshold_text
from tidewheel.report import over_time
from tidewheel.report.document import document
from tidewheel.report.markup import joined, tag
from tidewheel.report.run_report import RunReport
from tidewheel.report.tables import definition_list, table, time
from tidewheel.report.whole_run import InstrumentHistory, MarketTotals, WholeRun, outcome

HEAD = (
    *("window", "ended as", "reason", "evidence", "threshold", "base rate", "test P", "test R"),
    *("next P", "next R", "next base", "flagged", "e", "e net", "took"),
)
TEXT_COLUMNS = (1, 2, 3)
DETAIL_MAX = 160


def page(run: WholeRun) -> str:
    """A whole run as one HTML document that needs nothing beside itself."""
    names = ", ".join(one.name for one in run.instruments) or "no instrument"
    sections = (part for one in run.instruments for part in _sections(one, len(run.instruments) > 1))
    foot = f"Drawn {timestamp(run.made_at_ns)}. Times are UTC. Not advice: an experiment."
    main = tag("main", _header(run, names), *sections, _rejected(run), tag("footer", tag("p", foot)))
    return document(f"{names}: run report", main)


def _header(run: WholeRun, names: str) -> Markup:
    gaps = run.all_gaps()
    lacking = tag(
        "aside", tag("b", "What this page lacks"), tag("ul", *(tag("li", gap) for gap in gaps)), class_="gaps"
    )
    return tag(
        "header",
        tag("p", "Tidewheel run report", class_="kicker"),
        tag("h1", names),
        _evidence(run),
        *(_key_figures(one, run) for one in run.instruments),
        lacking if gaps else None,
    )


def _evidence(run: WholeRun) -> Markup:
    if not any(one.wealth for one in run.instruments):
        return tag("p", "No model has been judged on a later window yet, so nothing can be evidence of an edge.")
    of_several = f", asked of {len(run.instruments)} instruments at once" if len(run.instruments) > 1 else ""
    text = f"Evidence of an edge at its end{of_several}: "
    return tag("div", tag("p", text, tag("b", run.evidence), class_="word"), class_="verdict open")


def _key_figures(one: InstrumentHistory, run: WholeRun) -> Markup:
    totals = one.totals
    heading = tag("h3", one.name) if len(run.instruments) > 1 else None
    verdicts = ", ".join(f"{count(one.count(verdict))} {verdict}" for verdict in Verdict if one.count(verdict))
    entries = (
        ("first market second", time(totals.first_second * NS_PER_S) if totals.seconds else None),
        ("last market second", time(totals.last_second * NS_PER_S) if totals.seconds else None),
        ("market seconds", count(totals.seconds)),
        ("quotes", count(totals.ticks)),
        ("orders placed", count(totals.placed)),
        ("examples", count(totals.examples)),
        ("windows", f"{count(len(one.windows))}: {verdicts or 'none has ended'}"),
        ("serves at the end", f"model {one.served}" if one.served else "no model"),
    )
    return joined((heading, definition_list(entries)))


def _sections(one: InstrumentHistory, many: bool) -> Iterator[Markup]:
    prefix = f"{one.name}: " if many else ""
    for title, body in (
        ("Evidence over time", _wealth(one)),
        ("Models on their next windows", _scorecards(one)),
        ("Every model", _models(one)),
        ("Orders", _orders(one.totals)),
        ("Feed", _feed(one)),
    ):
        if body is not None:
            shown = prefix + (title if not prefix else title[0].lower() + title[1:])
            yield tag("section", tag("h2", shown), body)


def _wealth(one: InstrumentHistory) -> Markup:
    drawn = over_time.wealth(one)
    if drawn is None:
        return tag("p", "No scorecard with a bettor's account is known.", class_="missing")
    evidence = tag("p", one.evidence.text + ".") if one.evidence else None
    return joined((drawn, evidence))


def _scorecards(one: InstrumentHistory) -> Markup | None:
    return joined((over_time.precision(one), over_time.profit(one))) if one.scorecards else None


def _models(one: InstrumentHistory) -> Markup:
    if not one.windows:
        return tag("p", "No window has closed.", class_="missing")
    served = next((at for at, window in enumerate(one.windows) if window.sources.seq == one.served), None)
    caption = (
        "A line a window. P is precision, R recall, at the model's own threshold; next: on the window after its own; "
        "e: what the bettor has once that is judged, e net: where she pays the spread. Marked: serves at the end"
    )
    return table(caption, HEAD, map(_row, one.windows), TEXT_COLUMNS, served)


def _row(window: RunReport) -> tuple[object, ...]:
    test, card = window.parts.get("test"), window.scorecard
    bettor = card.account.bettor if card and card.account else None
    judged = card if card and card.rows else None
    took_ns = window.ended_at_ns - window.closed_at_ns if window.closed_at_ns and window.ended_at_ns else None
    made = window.threshold is not None
    return (
        *(count(window.sources.seq), outcome(window) or "open", reason_text(window.reason) or NONE),
        *(window.evidence or NONE, threshold_text(window.threshold) if made else NONE),
        number(window.result.base_rate) if window.result and made else NONE,
        *((number(test.precision), number(test.recall)) if test else (NONE, NONE)),
        *((number(judged.precision), number(judged.recall)) if judged else (NONE, NONE)),
        *((number(judged.base_rate), percent(judged.flagged, judged.rows)) if judged else (NONE, NONE)),
        *((wealth_text(bettor.e_gross), wealth_text(bettor.e_net)) if bettor else (NONE, NONE)),
        duration(took_ns) if took_ns is not None else NONE,
    )


def _orders(totals: MarketTotals) -> Markup | None:
    resolved = sum(totals.outcomes.values())
    if not totals.placed and not totals.not_placed:
        return None
    ended = [(name, count(n), percent(n, totals.placed)) for name, n in totals.outcomes.items() if n]
    rest = [("open at the end", count(totals.open), percent(totals.open, totals.placed))] if totals.open else []
    refused = [(reason_text(name), count(n)) for name, n in totals.not_placed.items() if n]
    return tag(
        "div",
        table(
            f"What became of {count(resolved + totals.open)} orders", ("outcome", "orders", "share"), [*ended, *rest]
        ),
        table("Instants at which none was placed", ("reason", "instants"), refused) if refused else None,
        class_="pair",
    )


def _feed(one: InstrumentHistory) -> Markup | None:
    if not one.feed:
        return None
    rows = (
        (reason_text(change.event), count(change.count), time(change.first_ns), time(change.last_ns), change.detail)
        for change in one.feed
    )
    head = ("event", "times", "first, market time", "last, market time", "what was evidence of the last")
    return table("Changes of the feed", head, rows, text_columns=(2, 3, 4))


def _rejected(run: WholeRun) -> Markup:
    accounts = (_account(one, len(run.instruments) > 1) for one in run.instruments if one.account)
    return tag("section", tag("h2", "Rejected"), *accounts, _dead_letters(run))


def _account(one: InstrumentHistory, many: bool) -> Markup:
    heading = tag("h3", one.name) if many else None
    return joined((heading, tag("ul", *(tag("li", line) for line in one.account))))


def _dead_letters(run: WholeRun) -> Markup:
    if not run.rejected:
        return tag("p", "Nothing: every line and record could be used.")
    rows = (
        (
            *(reason_text(one.reason), one.service, one.source, count(one.count), one.first, one.last),
            one.detail if len(one.detail) <= DETAIL_MAX else one.detail[:DETAIL_MAX] + "…",
        )
        for one in run.rejected
    )
    total = sum(one.count for one in run.rejected)
    caption = (
        f"{count(total)} lines or records that a service could not use, most first; the topic dead-letters has each"
    )
    head = ("reason", "by", "source", "count", "first at", "last at", "what was evidence of the first")
    return table(caption, head, rows, text_columns=(1, 2, 4, 5, 6))
