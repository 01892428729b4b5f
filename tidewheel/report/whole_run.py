"""What is known of a whole run: every window of each instrument, what became of its orders, what was rejected."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tidewheel.domain.models import Evidence, Scorecard, Verdict
from tidewheel.domain.training import RunReason
from tidewheel.report.run_report import EvidenceSummary, RunReport

WINDOWS_MISSING = "Of {} the windows before {} are not known: the log no longer holds them."


@dataclass(frozen=True, slots=True)
class MarketTotals:
    """What went through the topics. Seconds are Unix, -1 where there is none; `examples` and counts of orders are of
    all windows, `open` of orders at the end."""

    first_second: int = -1
    last_second: int = -1
    seconds: int = 0
    ticks: int = 0
    placed: int = 0
    open: int = 0
    examples: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    not_placed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeedChange:
    """One kind of change of a feed: how often, when first and last (nanoseconds, 0 before its first quote), and what
    was said of the last."""

    event: str
    count: int
    first_ns: int
    last_ns: int
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentHistory:
    """One instrument. `windows`: oldest first. `served`: the window whose model serves at the end, 0 for none.
    `account`: what became of a recording's rows, in sentences."""

    name: str
    totals: MarketTotals
    windows: tuple[RunReport, ...]
    served: int = 0
    evidence: EvidenceSummary | None = None
    feed: tuple[FeedChange, ...] = ()
    account: tuple[str, ...] = ()

    @property
    def scorecards(self) -> list[tuple[int, Scorecard]]:
        """Window and how its model did on the one after, for those that were judged on any row."""
        cards = ((window.sources.seq, window.scorecard) for window in self.windows)
        return [(seq, card) for seq, card in cards if card is not None and card.rows]

    @property
    def wealth(self) -> list[tuple[int, float, float]]:
        """Window, and what the bettor has gross and net once its model is judged."""
        found = ((seq, card.account) for seq, card in self.scorecards)
        return [(seq, one.bettor.e_gross, one.bettor.e_net) for seq, one in found if one is not None]

    def count(self, verdict: Verdict) -> int:
        return sum(window.verdict is verdict for window in self.windows)

    def gaps(self) -> Iterator[str]:
        """Sentences."""
        if self.windows and (first := self.windows[0].sources.seq) > 1:
            yield WINDOWS_MISSING.format(self.name, first)


@dataclass(frozen=True, slots=True)
class RejectedRecords:
    """Records that one service could use nothing of for one reason. `first`, `last`: where they lay, as people find
    them; `detail`: what was said of the first."""

    service: str
    source: str
    reason: str
    count: int
    first: str
    last: str
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class WholeRun:
    """A run as its topics and its registry tell it. `gaps`: what could not be read, a sentence each."""

    made_at_ns: int
    instruments: tuple[InstrumentHistory, ...]
    rejected: tuple[RejectedRecords, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def evidence(self) -> Evidence:
        """The most that any of its instruments has; who looks at several asks for so many times as much."""
        most = max((one.wealth[-1][1] for one in self.instruments if one.wealth), default=1.0)
        return Evidence.of_wealth(most, max(1, len(self.instruments)))

    def all_gaps(self) -> list[str]:
        return [*self.gaps, *(gap for one in self.instruments for gap in one.gaps())]


def outcome(window: RunReport) -> str:
    """How a window's run ended, in a word; empty while it goes on."""
    if window.verdict is Verdict.REFUSED and window.reason == RunReason.NOT_PROVEN:
        return "candidate"
    return window.verdict or ""


def cumulated(cards: Sequence[tuple[int, Scorecard]]) -> list[tuple[int, float]]:
    """Window, and the profit and loss of all flagged orders up to it, in 1e-9 of the quote currency."""
    total, found = 0, []
    for seq, card in cards:
        total += card.flagged_pnl_e9
        found.append((seq, float(total)))
    return found
