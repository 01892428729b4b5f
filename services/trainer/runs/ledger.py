"""The registry as the trainer uses it: every call waits, with back-off, while Redis is away."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from services.trainer.metrics import record_registry_up
from services.trainer.modelling.assembly import Candidate
from services.trainer.promotion.proof import JudgedModel
from services.trainer.runs.places import contradiction
from services.trainer.windows.count_windows import Window
from tidewheel.domain.account import Account
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.models import Champion, Model, ModelPointer, ModelRecord, Scorecard, Verdict
from tidewheel.domain.training import RunReason
from tidewheel.registry.store import Publication, RecordUpdate, RegistryUnavailableError, VerificationError
from tidewheel.runtime.retry import Retry

PAUSE_FIRST_S, PAUSE_MAX_S = 0.1, 5.0

T = TypeVar("T")


class StoppingError(TidewheelError):
    """The service is told to stop while a run waits for Redis; the next start makes the run again."""


class Store(Protocol):
    """What is asked of a registry, with what each call promises in `tidewheel.registry.store`."""

    def publish(self, model_bytes: bytes, record: ModelRecord) -> Publication: ...
    def publish_candidate(self, model_bytes: bytes, record: ModelRecord) -> Publication: ...
    def update_record(self, instrument: str, seq: int, update: RecordUpdate) -> ModelRecord | None: ...
    def records(self, instrument: str) -> Sequence[ModelRecord | VerificationError]: ...
    def newest_run(self, instrument: str) -> int: ...
    def record_of(self, instrument: str, seq: int) -> ModelRecord | None: ...
    def current(self, instrument: str) -> ModelPointer | None: ...
    def candidate(self, instrument: str) -> ModelPointer | None: ...
    def load(self, instrument: str, seq: int) -> Model: ...


class Ledger:
    """Models and records of one registry. Used by the worker thread only."""

    def __init__(self, registry: Store, stop: threading.Event, log: logging.Logger) -> None:
        self._registry = registry
        self._retry = Retry(PAUSE_FIRST_S, pause_max_s=PAUSE_MAX_S, wait=stop.wait)
        self._log = log
        self._up = True
        self._served: dict[str, tuple[str, Model]] = {}

    def record_of(self, instrument: str, seq: int) -> ModelRecord | None:
        """The record of a window's run; None where there is none that can be read."""
        return self._verified(lambda: self._registry.record_of(instrument, seq))

    def newest_run(self, instrument: str) -> int | None:
        """The newest window that has a record; 0 where none has, None where that cannot be told."""
        return self._verified(lambda: self._registry.newest_run(instrument))

    def kept_model(self, instrument: str, seq: int) -> tuple[Model, ModelRecord] | None:
        """A window's model, published or candidate, with its record; None where there is none, or none that
        verifies."""
        record = self.record_of(instrument, seq)
        if record is None or not _kept(record):
            return None
        model = self._verified(lambda: self._registry.load(instrument, seq))
        return (model, record) if model else None

    def kept(self, instrument: str, seq: int) -> Model | None:
        """The same without its record."""
        known = self.kept_model(instrument, seq)
        return known[0] if known else None

    def kept_before(self, window: Window) -> Model | None:
        """The model made of the window just before, if it is one to be judged and the log does not deny its record."""
        known = self.kept_model(window.instrument, window.seq - 1) if window.seq > 1 else None
        return known[0] if known and contradiction(known[1], window) is None else None

    def points_at(self, record: ModelRecord) -> bool:
        """Whether a pointer names the run's model, to serve or as the candidate."""
        pointers = (
            self._verified(lambda: self._registry.current(record.instrument)),
            self._verified(lambda: self._registry.candidate(record.instrument)),
        )
        return any(pointer is not None and pointer.seq == record.seq for pointer in pointers)

    def newest_model(self, instrument: str, before: int) -> Model | None:
        """The newest model kept of a window before this one; None where there is none that verifies."""
        kept = (self.kept_model(instrument, one.seq) for one in self._records(instrument, before) if _kept(one))
        return next((model for model, _ in filter(None, kept)), None)

    def served(self, instrument: str) -> Model | None:
        """The model that serves now; None where there is none that verifies, which the log tells."""
        pointer = self._verified(lambda: self._registry.current(instrument))
        if pointer is None:
            return None
        known = self._served.get(instrument)
        if known is None or known[0] != pointer.sha256:
            model = self._verified(lambda: self._registry.load(instrument, pointer.seq))
            if model is None:
                return None
            known = self._served[instrument] = (pointer.sha256, model)
        return known[1]

    def scorecards(self, instrument: str, before: int) -> list[Scorecard]:
        """Next-window scorecards of the models before a window, newest first."""
        return [record.scorecard for record in self._records(instrument, before) if record.scorecard]

    def account(self, instrument: str, before: int) -> Account:
        """The account of the bettor as of the newest scorecard of a model before a window that has one."""
        cards = self.scorecards(instrument, before)
        return next((card.account for card in cards if card.account), Account())

    def judged(self, instrument: str, before: int) -> list[JudgedModel]:
        """The same with the model that served then, of the models made since one was last published or promoted by
        hand: what a rollback left behind had its turn."""
        pointer = self._verified(lambda: self._registry.current(instrument))
        newest = pointer.newest_seq if pointer else 0
        records = self._records(instrument, before)
        return [(record.scorecard, record.champion) for record in records if record.scorecard and record.seq > newest]

    def _records(self, instrument: str, before: int) -> list[ModelRecord]:
        found = []
        for record in self._verified(lambda: self._registry.records(instrument)) or []:
            if isinstance(record, VerificationError):
                self._log_unverified(record)
            elif record.seq < before:
                found.append(record)
        return found

    def put_scorecard(self, instrument: str, seq: int, card: Scorecard, champion: Champion | None) -> None:
        """Add the scorecard to a run's record, if the registry still has it. A repeat that comes after newer models
        served has no champion, and by a process too young for a baseline none of that; it leaves those that are
        known."""

        def scored(known: ModelRecord | None) -> ModelRecord | None:
            if known is None:
                return None
            baseline = known.scorecard.baseline if known.scorecard else None
            revised_card = replace(card, baseline=card.baseline or baseline)
            return replace(known, scorecard=revised_card, champion=champion or known.champion)

        self._revise(instrument, seq, scored)

    def put_drift(self, instrument: str, seq: int, seen_with: int) -> None:
        """Note at the model that was judged that the rows of a window have shown drift, if the registry still has
        it."""

        def drifted(known: ModelRecord | None) -> ModelRecord | None:
            return known and replace(known, drift_seq=max(known.drift_seq, seen_with))

        self._revise(instrument, seq, drifted)

    def publish(self, candidate: Candidate, record: ModelRecord) -> Publication:
        """Publish a model; STALE too where the window ended otherwise, by another trainer. Raises VerificationError for
        one that no predictor would take."""
        return self._agreed(record, self._with_retries(lambda: self._registry.publish(candidate.model_bytes, record)))

    def publish_candidate(self, candidate: Candidate, record: ModelRecord) -> Publication:
        """Keep a model as the candidate, which serves nobody. Raises as `publish`."""
        answer = self._with_retries(lambda: self._registry.publish_candidate(candidate.model_bytes, record))
        return self._agreed(record, answer)

    def _agreed(self, record: ModelRecord, answer: Publication) -> Publication:
        """Two trainers at once may see another model serve and rule differently; the first one's word stands."""
        if answer is Publication.ALREADY_PUBLISHED:
            known = self.record_of(record.instrument, record.seq)
            if known is not None and known.verdict is not record.verdict:
                return Publication.STALE
        return answer

    def put_record(self, record: ModelRecord, rejected: ModelRecord | None = None) -> bool:
        """Write the record of a run whose model is not kept, or in the place of one that was rejected: of that one
        everything stands but where rows lie, if it names the same model. Returns False, and leaves what is there, where
        the window has ended otherwise, by another trainer."""

        def ended(known: ModelRecord | None) -> ModelRecord | None:
            if known is None:
                return record
            return _placed(known, record) if known == rejected else None

        stands = self._revise(record.instrument, record.seq, ended)
        return stands is None or (stands.verdict, stands.reason) == (record.verdict, record.reason)

    def _revise(
        self, instrument: str, seq: int, update: Callable[[ModelRecord | None], ModelRecord | None]
    ) -> ModelRecord | None:
        """As `Registry.update_record`; a record that cannot be read counts as none, which the log tells. None too where
        none can be written, since a key is damaged."""

        def revised(known: ModelRecord | VerificationError | None) -> ModelRecord | None:
            if isinstance(known, VerificationError):
                self._log_unverified(known)
                return update(None)
            return update(known)

        return self._verified(lambda: self._registry.update_record(instrument, seq, revised))

    def _verified(self, call: Callable[[], T | None]) -> T | None:
        """What a call answers; None, and a loud line, where it answers something that does not verify."""
        try:
            return self._with_retries(call)
        except VerificationError as failure:
            self._log_unverified(failure)
            return None

    def _log_unverified(self, failure: VerificationError) -> None:
        self._log.error("the registry holds something that does not verify, going on without it: %s", failure)

    def _with_retries(self, call: Callable[[], T]) -> T:
        """Try until Redis answers. Raises StoppingError when the service stops first."""
        try:
            answer = self._retry.call(call, _is_unavailable, self._on_unavailable)
        except RegistryUnavailableError as failure:
            raise StoppingError(str(failure)) from failure
        self._note_availability(True, "Redis answers again; the run goes on")
        return answer

    def _on_unavailable(self, failure: Exception, _tried_s: float) -> None:
        self._note_availability(False, f"{failure}; the run waits")

    def _note_availability(self, up: bool, message: str) -> None:
        record_registry_up(up)
        if up is not self._up:
            self._log.log(logging.INFO if up else logging.WARNING, message)
        self._up = up


def _is_unavailable(failure: Exception) -> bool:
    return isinstance(failure, RegistryUnavailableError)


def _kept(record: ModelRecord) -> bool:
    """Whether the run's model went to the registry."""
    return record.verdict is Verdict.PUBLISHED or record.reason == RunReason.NOT_PROVEN


def _placed(known: ModelRecord, made: ModelRecord) -> ModelRecord:
    """What was known of a run, with the places of its rows as it was made again; that one, where it is another's."""
    if not made.sha256 or known.sha256 != made.sha256:
        return made
    places = ("first_offset", "last_offset", "replay_offset")
    return replace(known, **{name: getattr(made, name) for name in places})
