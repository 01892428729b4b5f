"""Judges of what the trainer made of a market: each window, its verdict, its model, the scorecard of the model before.

The rules are those of the learner's stand-in, and rows are the oracle's. What each check takes for granted, the one
before it has judged.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import zip_longest

from tests.oracle import Example, Window, windows_of
from tests.simulation import fake_learner
from tests.simulation.committed import InvariantError, records, values
from tests.simulation.inputs import ExpectedMarket
from tests.simulation.services import System
from tidewheel.contracts.codecs.models import decode_model, decode_model_record
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.topics import EXAMPLES, TRAINING_RUNS
from tidewheel.domain.models import ModelRecord, Scorecard, Verdict
from tidewheel.domain.training import RunEvent, Step
from tidewheel.registry import keys

# How a run ends by its reason, and which of them leave a model that is judged, or kept.
VERDICTS = {
    "": Verdict.PUBLISHED,
    "training_error": Verdict.FAILED,
    **dict.fromkeys(("one_class", "worse_than_served", "not_proven"), Verdict.REFUSED),
}
JUDGED = ("", "worse_than_served", "not_proven")
KEPT = ("", "not_proven")


@dataclass(frozen=True)
class Run:
    """A window as the oracle has it, what the registry and the events say of it, and the number and orders of each
    window that it remembers."""

    window: Window
    rows: list[Example]
    remembered: list[tuple[int, list[int]]]
    record: ModelRecord
    events: list[RunEvent]

    @property
    def seq(self) -> int:
        return self.window.number

    @property
    def name(self) -> str:
        return f"{self.record.instrument}: window {self.seq}"

    @cached_property
    def fingerprint(self) -> bytes:
        rows = self.rows
        features, labels, orders = [r.features for r in rows], [r.label for r in rows], [r.order_id for r in rows]
        return fake_learner.digest(self.seq, features, labels, orders, self.remembered)

    @property
    def champion(self) -> int:
        return self.record.champion.seq if self.record.champion else 0

    def flagged(self, rows: list[Example]) -> list[Example]:
        """Those of some rows that the window's model flags."""
        return [row for row in rows if fake_learner.flags(self.fingerprint, row.features)]

    def precision(self, rows: list[Example]) -> float:
        flagged = self.flagged(rows)
        return sum(row.label for row in flagged) / len(flagged) if flagged else 0.0


def expected_windows(system: System, market: ExpectedMarket) -> list[Window]:
    """The windows that must come of a market."""
    return windows_of([one.label for one in market.plain_examples], *system.windowing)


def _runs(system: System, market: ExpectedMarket) -> list[Run]:
    store, name = system.store, market.instrument
    events = [decode_run_event(value) for value in values(system, market, TRAINING_RUNS)]
    examples, windows = market.plain_examples, expected_windows(system, market)
    return [
        Run(
            window,
            _rows(window, examples),
            [
                (one.number, [row.order_id for row in _rows(one, examples)])
                for one in _remembered(window, windows, system.memory)
            ],
            decode_model_record(store.values[keys.record(name, window.number)]),
            [event for event in events if event.seq == window.number],
        )
        for window in windows
    ]


def _rows(window: Window, examples: list[Example]) -> list[Example]:
    return examples[window.first_example_seq - 1 : window.last_example_seq]


def _remembered(window: Window, windows: list[Window], memory: int) -> list[Window]:
    """The nearest windows before one that share no row with it or one another, `memory` with its own; oldest first."""
    found = [window]
    for one in windows[: window.number - 1][::-1]:
        if len(found) < memory and one.last_example_seq < found[0].first_example_seq:
            found.insert(0, one)
    return found[:-1]


def windows(system: System, market: ExpectedMarket) -> None:
    """Every window closed and ended, with one verdict, and a model of exactly its rows."""
    name, expected = market.instrument, expected_windows(system, market)
    if (found := sorted(system.store.sorted.get(keys.history(name), ()))) != [one.number for one in expected]:
        raise InvariantError(f"{name}: the registry knows windows {found}, there are {len(expected)}")
    offsets = [offset for offset, _ in records(system, market, EXAMPLES)]
    for run in _runs(system, market):
        first, last = run.window.first_example_seq, run.window.last_example_seq
        _closed(run, first, last)
        _ended(run)
        _model(run, system.store.values.get(keys.model(name, run.seq)))
        oldest = run.remembered[0][0] if run.remembered else run.seq
        needed = offsets[expected[oldest - 1].first_example_seq - 1]
        wanted = offsets[first - 1], offsets[last - 1], needed
        found_there = run.record.first_offset, run.record.last_offset, run.record.replay_offset
        if found_there != wanted:
            raise InvariantError(f"{run.name} has rows at offsets {wanted}, its record says {found_there}")


def _closed(run: Run, first: int, last: int) -> None:
    closed = [event for event in run.events if event.step is Step.WINDOW_CLOSED]
    if not closed:
        raise InvariantError(f"{run.name} ended, and nobody was told that it closed")
    for event in closed:
        held = event.first_example_seq, event.last_example_seq
        if held != (first, last):
            raise InvariantError(f"{run.name} holds examples {held}, not {first} to {last}")


def _ended(run: Run) -> None:
    """A crash may repeat the word on a window, not contradict it; that another trainer was first (`stale`) is no word
    on the window."""
    record, ended = run.record, [event for event in run.events if event.step.verdict and event.reason != "stale"]
    verdicts = Counter(event.step.verdict for event in ended)
    if set(verdicts) != {record.verdict}:
        raise InvariantError(f"{run.name} is {record.verdict} in the registry, told was {dict(verdicts)}")
    for event in ended:
        reported = event.result and (event.result.sha256, event.result.verdict, event.reason)
        if reported != (record.sha256, record.verdict, record.reason):
            raise InvariantError(f"{run.name}: told was {reported}, its record says {record.sha256} {record.reason}")


def _model(run: Run, payload: bytes | None) -> None:
    record = run.record
    if (payload is not None) != (record.reason in KEPT):
        raise InvariantError(f"{run.name} is {record.verdict}, and its model is {payload and 'there'}")
    if payload is None:
        return
    if sha256(payload).hexdigest() != record.sha256:
        raise InvariantError(f"{run.name}: its record names another model than the registry keeps")
    if decode_model(payload).coefficients[fake_learner.WEIGHED + 1] != fake_learner.mark(run.fingerprint):
        raise InvariantError(f"{run.name}: its model was made of other rows")


def gate_verdicts(system: System, market: ExpectedMarket) -> None:
    """Each window ended as the rules say: no model is kept back that may be served, none served that may not."""
    runs = _runs(system, market)
    pointed = {seq for name, _, seq in system.store.moves if name == market.instrument}
    proofs = [True] * len(runs) if system.promotion == "fresh" else _proofs(runs)
    for run, proven in zip(runs, proofs, strict=True):
        reason, verdict = run.record.reason, run.record.verdict
        if VERDICTS.get(reason) is not verdict:
            raise InvariantError(f"{run.name} is {verdict} for the reason {reason!r}")
        unfit = _unfit(run)
        allowed = {unfit or ("" if proven else "not_proven")}
        if not unfit and system.promotion == "proven" and _moved_by_hand(system, market):
            allowed = {"", "not_proven"}  # which model served when is not known
        if not unfit and any(_better(other, run) for other in runs if other.seq in pointed):
            allowed.add("worse_than_served")
        if reason not in allowed:
            raise InvariantError(
                f"{run.name} ended with the reason {reason!r}, by the rules it ends with {sorted(allowed)}"
            )


def _unfit(run: Run) -> str:
    """Why a window has no model that may be served, whatever else there is; empty where it has one."""
    if run.window.one_class:
        return "one_class"
    return "training_error" if fake_learner.fails(run.fingerprint) else ""


def _better(other: Run, run: Run) -> bool:
    """What must hold, though it is not enough, for a model to be refused beside another one."""
    test = _test(run)
    return other is not run and bool(run.flagged(test)) and other.precision(test) > run.precision(test)


def _test(run: Run) -> list[Example]:
    return run.rows[len(run.rows) // 2 :]


def _proofs(runs: list[Run]) -> Iterator[bool]:
    """For each window, whether the stand-in's proof was there, where nobody moves the pointer by hand: a model made
    since the one that serves was judged beside it."""
    newest = 0
    for at, run in enumerate(runs):
        since = [one for one in runs[newest:at] if one.record.scorecard]
        yield sum(one.champion == newest for one in since) >= fake_learner.PROVEN_BY
        newest = run.seq if run.record.verdict is Verdict.PUBLISHED else newest


def scorecards(system: System, market: ExpectedMarket) -> None:
    """Each model that is worth it was judged once its next window closed, beside what served, on the rows placed after
    its own window had closed; nothing else was judged."""
    runs, served = _runs(system, market), 0
    for run, following in zip_longest(runs, runs[1:]):
        served = run.seq if run.record.verdict is Verdict.PUBLISHED else served
        reported = {_counts(event.scorecard) for event in run.events if event.step is Step.SCORED}
        if following is None or run.record.reason not in JUDGED:
            if reported or run.record.scorecard or run.record.champion:
                raise InvariantError(f"{run.name} was judged, and there is nothing to judge")
            continue
        closed_ns = max(row.resolved_ns for row in run.rows)
        later = [row for row in following.rows if row.example_seq > run.window.last_example_seq]
        rows = [row for row in later if row.placed_ns > closed_ns]
        wanted, kept = _figures(run, rows), _counts(run.record.scorecard)
        if kept != wanted or reported != {wanted}:
            raise InvariantError(
                f"{run.name}: its scorecard is {kept}, told was {reported}, the next window gives {wanted}"
            )
        if not _moved_by_hand(system, market):
            _beside(run, runs, served, rows)


def _moved_by_hand(system: System, market: ExpectedMarket) -> bool:
    return any(instrument == market.instrument for instrument, _, _ in system.store.by_hand)


def _beside(run: Run, runs: list[Run], served: int, rows: list[Example]) -> None:
    champion = run.record.champion
    found = (champion.seq, champion.flagged, champion.hits) if champion else (0, 0, 0)
    beside_none = served in (0, run.seq) or not rows
    wanted = (0, 0, 0) if beside_none else (served, *_figures(runs[served - 1], rows)[2:])
    if found != wanted:
        raise InvariantError(f"{run.name} was judged beside {found}, what served gives {wanted}")


def _figures(run: Run, rows: list[Example]) -> tuple[int, int, int, int]:
    """Rows, positives, flagged ones, hits."""
    flagged = run.flagged(rows)
    return len(rows), sum(row.label for row in rows), len(flagged), sum(row.label for row in flagged)


def _counts(card: Scorecard | None) -> tuple[int, int, int, int] | None:
    return card and (card.rows, card.positives, card.flagged, card.hits)


def promotions(system: System, market: ExpectedMarket) -> None:
    """The trainer points at published models only, the candidate is the newest model that is not proven, and each model
    was judged beside one that served."""
    store, name = system.store, market.instrument
    reported = [run.record for run in _runs(system, market)]
    moves = [(epoch, seq) for instrument, epoch, seq in store.moves if instrument == name]
    by_trainer = {seq for epoch, seq in moves if (name, epoch, seq) not in store.by_hand}
    published = {record.seq for record in reported if record.verdict is Verdict.PUBLISHED}
    if by_trainer != published:
        raise InvariantError(f"{name}: published are {sorted(published)}, the trainer pointed at {sorted(by_trainer)}")
    newest = max((seq for _, seq in moves), default=0)
    wanted = max(
        (record.seq for record in reported if record.reason == "not_proven" and record.seq > newest), default=0
    )
    found = int(store.hashes.get(keys.pointer(name, keys.CANDIDATE), {}).get("seq", 0))
    if found != wanted:
        raise InvariantError(f"{name}: the candidate is {found}, the newest model that is not proven {wanted}")
    for record in reported:
        if (champion := record.champion) and (
            champion.seq >= record.seq or champion.seq not in {seq for _, seq in moves}
        ):
            raise InvariantError(
                f"{name}: model {record.seq} was judged beside {champion.seq}, which did not serve then"
            )
