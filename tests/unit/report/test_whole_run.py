"""The page of a whole run: well formed, safe, and with every window on it."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.report import values
from tests.unit.report.reading import numbers, parsed, visible_text
from tidewheel.domain.account import Account
from tidewheel.domain.betting import Bettor
from tidewheel.domain.models import Evidence, Verdict
from tidewheel.report.run_report import EvidenceSummary, RunReport, RunSources
from tidewheel.report.whole_run import FeedChange, InstrumentHistory, MarketTotals, RejectedRecords, WholeRun
from tidewheel.report.whole_run_page import page

Made = Callable[[], WholeRun]
TOTALS = MarketTotals(
    *(1_767_225_600, 1_767_240_000, 14_401, 50_000, 70_000, 12, 60_000),
    outcomes={"PROFIT": 30_000, "LOSS": 39_988},
    not_placed={"stale": 7},
)
FEED = (FeedChange("gap", 2, 0, 1_767_230_000 * 10**9, "the file <b>skips</b> an hour"),)
READ = ("51,234 rows read = 50,000 ticks + 1,234 rejected",)
ASIDE = (RejectedRecords("ingest", "quotes.csv", "crossed", 1_234, "2", "9,999", "bid 3 is above offer 2"),)


def judged(seq: int, gross: float, net: float) -> RunReport:
    """A published window whose model was judged on the next one."""
    card = replace(values.JUDGED, account=Account(Bettor((gross,) * 5, (net,) * 5, bets=seq)))
    sources = values.published(seq)
    assert sources.record is not None
    return RunReport(replace(sources, record=replace(sources.record, scorecard=card), model=None))


def history(*windows: RunReport, name: str = values.NAME) -> InstrumentHistory:
    said = EvidenceSummary(Evidence.WEAK, "9 models on their next windows: precision 0.560")
    return InstrumentHistory(name, TOTALS, windows, windows[-1].sources.seq if windows else 0, said, FEED, READ)


def of_kind(made: Callable[[int], RunSources], seq: int) -> RunReport:
    return RunReport(made(seq))


def everything() -> WholeRun:
    windows = (
        *(judged(seq, 1.5**seq, 0.8**seq) for seq in range(1, 11)),
        *(of_kind(values.refused, 11), of_kind(values.failed, 12), of_kind(values.running, 13)),
    )
    return WholeRun(values.NOW_NS, (history(*windows),), ASIDE)


def nothing_yet() -> WholeRun:
    gaps = ("The registry could not be asked.",)
    return WholeRun(values.NOW_NS, (InstrumentHistory(values.NAME, MarketTotals(), ()),), gaps=gaps)


def one_window() -> WholeRun:
    return WholeRun(values.NOW_NS, (history(judged(1, 1.0, 1.0)),))


def ruined_and_rich() -> WholeRun:
    """Wealth of both ends of what a number can hold."""
    return WholeRun(values.NOW_NS, (history(judged(1, 1e300, 0.0), judged(2, 0.0, 1e-300)),))


def without_registry() -> WholeRun:
    return WholeRun(values.NOW_NS, (history(of_kind(values.log_only, 3), of_kind(values.log_only, 4)),))


def many() -> WholeRun:
    windows = tuple(judged(seq, 1.0, 1.0) for seq in range(5, 205))
    return WholeRun(values.NOW_NS, (history(*windows), history(*windows[:2], name="sim:ETH-USD")))


KINDS = (everything, nothing_yet, one_window, ruined_and_rich, without_registry, many)
every_kind = pytest.mark.parametrize("made", KINDS, ids=lambda made: made.__name__)


@every_kind
def test_it_is_well_formed_alone_and_drawn_within_its_frames(made: Made) -> None:
    root = parsed(page(made()))
    for element in root.iter():
        assert element.tag not in ("script", "link", "img", "iframe", "object", "use", "a")
    for drawing in root.iter("svg"):
        assert drawing.find("title") is not None
        _, _, width, height = map(float, drawing.attrib["viewBox"].split())
        for axis, value in numbers(drawing):
            assert 0 <= value <= (width if axis == "x" else height), (drawing.get("aria-label"), axis, value)
    assert re.findall(r"\b(nan|inf|None|True|False)\b", visible_text(root)) == []


def test_every_window_has_a_line_and_says_how_it_ended() -> None:
    (models,) = (one for one in parsed(page(everything())).iter("table") if "A line a window" in visible_text(one))
    rows = [visible_text(row).split() for row in models.iter("tr")][1:]
    assert [row[0] for row in rows] == [str(seq) for seq in range(1, 14)]
    assert [row[1] for row in rows] == ["published"] * 10 + ["refused", "failed", "open"]


def test_evidence_is_drawn_over_time_gross_and_net() -> None:
    drawing = next(one for one in parsed(page(everything())).iter("svg") if "bettor" in one.attrib["aria-label"])
    lines = {one.attrib["class"]: one.attrib["points"].split() for one in drawing.iter("polyline")}
    heights = {kind: [float(point.split(",")[1]) for point in points] for kind, points in lines.items()}
    assert {kind: len(found) for kind, found in heights.items()} == {"curve": 10, "best": 10}
    assert heights["curve"] == sorted(heights["curve"], reverse=True)  # it grows, so its height on the page falls
    assert heights["best"] == sorted(heights["best"])


def test_what_was_rejected_is_told_or_that_nothing_was() -> None:
    text = visible_text(parsed(page(everything())))
    assert "1,234 lines or records that a service could not use" in text
    assert "bid 3 is above offer 2" in text
    assert "51,234 rows read = 50,000 ticks + 1,234 rejected" in text
    assert "Nothing: every line and record could be used." in visible_text(parsed(page(one_window())))


def test_what_was_said_of_the_feed_stays_text() -> None:
    assert "the file <b>skips</b> an hour" in visible_text(parsed(page(everything())))


def test_what_is_missing_is_said() -> None:
    assert "The registry could not be asked." in visible_text(parsed(page(nothing_yet())))
    assert "No window has closed." in visible_text(parsed(page(nothing_yet())))
    assert "the windows before 5 are not known" in visible_text(parsed(page(many())))


def test_who_looks_at_several_instruments_asks_for_more() -> None:
    rich = history(judged(1, 30.0, 1.0))
    assert WholeRun(0, (rich,)).evidence is Evidence.WEAK
    assert WholeRun(0, (rich, history(judged(1, 1.0, 1.0), name="sim:X"))).evidence is Evidence.NONE


def test_counts() -> None:
    one = everything().instruments[0]
    assert [one.count(verdict) for verdict in Verdict] == [10, 1, 1]
