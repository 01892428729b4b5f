"""The invariants of topic `ticks`, and what the other topics are joined with: the seconds, each with its session."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from tidewheel.contracts.invariants.columns import NOT_FOUND, RecordIndex
from tidewheel.contracts.invariants.findings import Findings, Invariant, LogEntry
from tidewheel.domain.continuity import NEXT, Arrival, ArrivalKind, MarketSecondChecker


@dataclass(slots=True)
class SessionSpan:
    """A session: `over` where its last second said so, or a later session came."""

    session: int
    first_second: int
    last_second: int
    over: bool = False


class TickInvariants:
    """One instrument's market seconds. `truncated`: retention may have taken the first ones; set before the first."""

    def __init__(self, instrument: str, findings: Findings) -> None:
        self._instrument = instrument
        self._findings = findings
        self._order = MarketSecondChecker()
        self.seconds = RecordIndex()
        self.spans: list[SessionSpan] = []
        self.truncated = False
        self.repeats = 0
        self.seqs = (0, 0)

    def take(self, entry: LogEntry) -> None:
        """The next record."""
        record = entry.value
        if not len(self.seconds):
            self._begin(entry)
        arrival = self._order.take(record)
        if arrival is NEXT:
            self._check_end(entry)
        elif self._is_repeat(entry, arrival):
            return
        self.seconds.add(record.second, entry.fingerprint, entry.offset)
        if record.last_seq > self.seqs[1]:
            self.seqs = self.seqs[0], record.last_seq
        self._extend(record)

    def span_of(self, second: int) -> SessionSpan | None:
        """The session a second belongs to."""
        at = bisect_right(self.spans, second, key=lambda span: span.first_second) - 1
        return self.spans[at] if at >= 0 and second <= self.spans[at].last_second else None

    def has(self, second: int) -> bool:
        return self.seconds.find(second) != NOT_FOUND

    def is_older(self, second: int) -> bool:
        """Whether a second may have been there before retention took it."""
        return self.truncated and (not len(self.seconds) or second < self.seconds.numbers[0])

    def _begin(self, entry: LogEntry) -> None:
        record = entry.value
        self.seqs = record.first_seq, record.first_seq - 1
        if not self.truncated and (record.session, record.first_seq) != (1, 1):
            detail = f"the first record is of session {record.session} and seq {record.first_seq}, both begin at 1"
            self._findings.add(Invariant.TICKS_CONTIGUOUS, entry, self._instrument, detail)

    def _is_repeat(self, entry: LogEntry, arrival: Arrival) -> bool:
        """Report what is wrong with a record; whether its second is here already."""
        known = self.seconds.find(entry.value.second)
        invariant, detail = Invariant.TICKS_CONTIGUOUS, arrival.summary()
        if known != NOT_FOUND:
            same = self.seconds.fingerprints[known] == entry.fingerprint
            self.repeats += same
            invariant = Invariant.TICKS_ONCE if same else Invariant.TICKS_UNAMBIGUOUS
            content = "the same" if same else "with other content"
            detail = f"second {entry.value.second} came again, {content}; it stands at offset "
            detail += f"{self.seconds.offsets[known]}"
        elif arrival.kind in (ArrivalKind.OUT_OF_ORDER, ArrivalKind.REPEATED) and arrival.field != "seq":
            invariant = Invariant.TICKS_ORDERED
        self._findings.add(invariant, entry, self._instrument, detail)
        return known != NOT_FOUND

    def _check_end(self, entry: LogEntry) -> None:
        if not self.spans:
            return
        last, record = self.spans[-1], entry.value
        detail = ""
        if record.session == last.session and last.over:
            detail = f"session {last.session} goes on with second {record.second} after its last one"
        if record.session != last.session and not last.over:
            detail = f"session {record.session} begins after second {last.last_second}, which ends no session"
        if detail:
            self._findings.add(Invariant.SESSION_ENDED, entry, self._instrument, detail)

    def _extend(self, record: Any) -> None:
        last = self.spans[-1] if self.spans else None
        if last is None or record.session > last.session:
            if last is not None:
                last.over = True
            self.spans.append(SessionSpan(record.session, record.second, record.second, record.ends_session))
        elif record.session == last.session:
            last.last_second = max(last.last_second, record.second)
            last.over |= record.ends_session

    def counts(self) -> dict[str, Any]:
        first, last = self.seqs
        return {
            "records": len(self.seconds),
            "sessions": len(self.spans),
            "first_seq": first,
            "last_seq": last,
            "identical_repeats": self.repeats,
        }

    def summary(self) -> str:
        first, last = self.seqs
        if not len(self.seconds):
            return "no market seconds"
        return f"{len(self.seconds):,} market seconds in {len(self.spans):,} sessions, seq {first:,}…{last:,}"
