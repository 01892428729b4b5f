"""One closed window after the other, from training to publication. Runs on a thread of its own.

The order of effects, for window w:

1. `window closed` goes out.
2. If the registry has a record of w that the log does not deny, it has ended, and the closing event is repeated: a
   crash came before the commit, the group moved the partition, or another instrument on it holds the offset back. Its
   verdict stands, whatever the configuration is now: made again, the model would be held against itself. It is made
   again only if it lies in no registry and is yet to be judged.
3. The model is made; state changes go out as they happen. This needs no Redis.
   (An early window, see ADR 22, is judged before, and made only if drift has been seen.)
4. Model w-1 is judged on w's rows, and so is the model that serves; the bettor's account goes on from the scorecard
   before. Scorecard and champion go to w-1's record, and the scorecard goes out as an event.
5. The gate judges model w against the served one; evidence, and under `proven` the proof, are those of the procedure up
   to model w-1.
6. Everything sent so far is confirmed by the broker; then the registry is changed, in one script: the model serves, or
   not proven it is the candidate.
7. The closing event goes out and is confirmed. Only then is w finished, and offsets may be committed.

A crash between two steps repeats work, and repeated work is the same work: the same model bytes, the same record, an
event that names the same change.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from confluent_kafka import KafkaException

from services.trainer import metrics
from services.trainer.core import EventSink, SearchStart, train_candidate
from services.trainer.dataset.rows import Rows
from services.trainer.modelling.assembly import Candidate
from services.trainer.modelling.no_model import NoModelError
from services.trainer.promotion import bets, gate, proof
from services.trainer.promotion.gate import Promotion
from services.trainer.promotion.next_window import NextWindowEvaluator, NextWindowResult
from services.trainer.runs.events import RunEventSink
from services.trainer.runs.jobs import (
    JUDGED_REASONS,
    KEPT_REASONS,
    UNRECORDED_REASONS,
    ClosedWindow,
    LostWindowsJob,
    ReadingStartedJob,
    Run,
    result_of,
)
from services.trainer.runs.ledger import Ledger, StoppingError
from services.trainer.runs.log import RunLog
from services.trainer.runs.places import STALE_MODEL, contradiction
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window, left_behind
from tidewheel.domain.models import Champion, Evidence, Hyperparameters, Model, ModelRecord
from tidewheel.domain.orders import ExitOn
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import RunEvent, RunReason, RunResult, Step, verdict_of
from tidewheel.evidence import pooling
from tidewheel.registry.store import Publication
from tidewheel.telemetry.tracing.tracer import NO_TRACES, Tracer

TrainCandidate = Callable[[Window, TrainingConfig, EventSink, SearchStart], Candidate]


class Worker:
    """Trains and publishes. Raises StoppingError, and KafkaException when events cannot be delivered."""

    def __init__(
        self,
        config: TrainingConfig,
        promotion: Promotion,
        ledger: Ledger,
        events: RunEventSink,
        log: logging.Logger,
        clock_ns: Callable[[], int],
        train_candidate: TrainCandidate = train_candidate,
        tuning_limit_s: float = 0.0,
        due_each: int = 1,
        exit_on: ExitOn = ExitOn.BID,
        settle: bets.Settle = bets.settle,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._make_candidate = train_candidate
        self._settle = settle
        self._tuning_limit_s = tuning_limit_s
        self._due_each = due_each
        self._exit_on = exit_on
        self._drifted: set[str] = set()
        self._config = config
        self._promotion = promotion
        self._ledger = ledger
        self._events = events
        self._log = RunLog(log, tracer)
        self._clock_ns = clock_ns
        self._latest: dict[str, Model] = {}
        self._evaluators: dict[str, NextWindowEvaluator] = {}

    def process(self, closed: ClosedWindow) -> bool:
        """Take a window to its end. Returns whether its rows may be needed again after a crash: its model awaits its
        scorecard and lies in no registry."""
        run = Run(closed)
        self._publish(run, Step.WINDOW_CLOSED, f"{len(run.window.rows):,} rows")
        if self._repeated(run):
            return run.awaits_scorecard
        regular = self._is_regular(run.window.seq)
        if not regular:
            self._judge_previous(run)
            if run.window.instrument not in self._drifted:
                return self._pass_over(run)
        self._drifted.discard(run.window.instrument)
        if run.candidate is None and run.reason is None:
            self._make(run)
        if regular:
            self._judge_previous(run)
        self._gate(run)
        self._conclude(run)
        if run.candidate is not None and run.is_judged:
            self._latest[run.window.instrument] = run.candidate.model
        return run.awaits_scorecard

    def _pass_over(self, run: Run) -> bool:
        """An early window, between two regular ones, while nothing has drifted."""
        run.reason, run.detail = RunReason.NOT_DUE, "an early window, and the models have not drifted"
        self._conclude(run)
        return False

    def give_up(self, lost: LostWindowsJob) -> None:
        """End the runs of windows that can never be made."""
        for seq in lost.seqs:
            self._give_up(lost.instrument, seq, RunReason.ROWS_MISSING, lost.detail)

    def begin(self, job: ReadingStartedJob) -> None:
        """End the runs of windows that nobody has ended, and that cannot be made where reading starts: their first rows
        cannot be read, or the crash came before their end was told."""
        started, instrument = job.started, job.started.instrument
        newest = self._ledger.newest_run(instrument)
        if newest is None or newest >= started.seq:
            return
        known = self._ledger.record_of(instrument, newest) if newest else None
        last_offset = known.last_offset if known else 0
        seqs = left_behind(self._config.windowing, started, job.first_offset, newest, last_offset)
        detail = (
            f"reading began with example {started.found} of {instrument}, and nothing was said of this window before"
        )
        if not seqs and newest + 1 < started.seq:
            self._log.unknown(instrument, newest + 1, started.seq - 1)
        if known is not None and known.reason == RunReason.ROWS_MISSING:
            # Its record may have come before the crash and its event not.
            seqs = range(newest, max(seqs.stop, newest + 1))
        for seq in seqs:
            # Early windows leave no record: that they were not due is said again.
            self._give_up(
                instrument, seq, RunReason.ROWS_MISSING if self._is_regular(seq) else RunReason.NOT_DUE, detail
            )

    def _is_regular(self, seq: int) -> bool:
        """Whether a window is trained in any case."""
        return (seq - 1) % self._due_each == 0

    def _give_up(self, instrument: str, seq: int, reason: RunReason, detail: str) -> None:
        """End the run of a window without rows."""
        verdict = verdict_of(reason)
        record = ModelRecord(instrument, seq, "", verdict, reason, Evidence.NONE, self._clock_ns())
        if reason not in UNRECORDED_REASONS and not self._ledger.put_record(record):
            self._log.ended_otherwise(record, detail)
            return
        result = RunResult("", verdict, "", 0.0, 0.0, None, None, 0, 0.0, 0.0)
        self._events.write(RunEvent(instrument, seq, Step.of_verdict(verdict), 0, reason, detail, result=result))
        self._events.flush()
        metrics.record_run(instrument, verdict, reason)

    def _repeated(self, run: Run) -> bool:
        """Whether the window has ended before; if so, its closing event goes out again."""
        window = run.window
        known = self._ledger.record_of(window.instrument, window.seq)
        record = self._believed(run, known) if known else None
        if record is None:
            return False
        model = self._model_again(run, record)
        if model is not None and (record.reason or None) in JUDGED_REASONS:
            self._latest[window.instrument] = model
        self._log.ended_before(record)
        metrics.record_end(window.instrument, window.seq, record.reason)
        waited_s = (record.published_at_ns - run.closed.at_ns) / NS_PER_S
        result = result_of(record.sha256, record.verdict, record.evidence, model, max(0.0, waited_s))
        self._publish(run, Step.of_verdict(record.verdict), f"{record.verdict} before", record.reason, result)
        self._events.flush()
        return True

    def _model_again(self, run: Run, record: ModelRecord) -> Model | None:
        """The model of a window that has ended with one. It is made again where it never lay in the registry, so that
        the same metrics are reported, or where it is damaged there though a pointer names it."""
        if kept := self._ledger.kept_model(record.instrument, record.seq):
            return kept[0]
        never_kept = (record.reason or None) not in KEPT_REASONS
        if not record.sha256 or not (never_kept or self._ledger.points_at(record)):
            return None
        self._make(run)
        candidate = run.candidate
        if candidate is None or candidate.sha256 != record.sha256:
            run.candidate = None  # other settings make another, which nobody was told of
            return None
        if record.reason == RunReason.WORSE_THAN_SERVED:
            run.reason = RunReason.WORSE_THAN_SERVED
            self._judge_previous(run)
        elif not never_kept:
            restore = self._ledger.publish_candidate if record.reason else self._ledger.publish
            self._guarded(run, lambda: restore(candidate, record))
        return candidate.model

    def _believed(self, run: Run, record: ModelRecord) -> ModelRecord | None:
        """The record, if the log does not deny it; corrected, where the window gives its model all the same. None for
        what is rejected, as where Redis outlived its topics: the window is made as if there were none, and stale where
        the registry keeps another model of it."""
        found = contradiction(record, run.window)
        if found is None:
            return record
        run.rejected = record
        metrics.record_rejected(record.instrument)
        self._log.record_rejected(record, found)
        if record.sha256:
            self._make(run)
        if run.candidate is not None and run.candidate.sha256 == record.sha256:
            self._ledger.put_record(self._record(run), record)
            return self._ledger.record_of(record.instrument, record.seq)
        if self._ledger.kept(record.instrument, record.seq):
            run.reason, run.detail = RunReason.STALE, STALE_MODEL
        return None

    def _make(self, run: Run) -> None:
        """Step 3: the model, or the reason why there is none."""

        def publish(event: RunEvent) -> None:
            if event.step is Step.SPLIT:
                run.tuning_from_ns = self._clock_ns()
            elif event.step is Step.SELECTED:
                run.tuning_to_ns = self._clock_ns()
            self._events.write(event)

        def out_of_time() -> bool:
            spent_s = (self._clock_ns() - run.tuning_from_ns) / NS_PER_S
            return 0 < self._tuning_limit_s < spent_s

        def work() -> None:
            search_start = SearchStart(self._start(run.window), out_of_time)
            run.candidate = self._make_candidate(run.window, self._config, publish, search_start)

        self._guarded(run, work)

    def _start(self, window: Window) -> Hyperparameters | None:
        """The setting that the search defends; None for the usual one. From the registry, so that a restart, which
        remembers no model, begins alike."""
        if not self._config.warm_start:
            return None
        before = self._ledger.newest_model(window.instrument, window.seq)
        return before.hyperparameters if before else None

    def _judge_previous(self, run: Run) -> None:
        """Step 4, for the model of the window just before. If it goes wrong, that is no fault of this run's."""
        instrument, seq = run.window.instrument, run.window.seq - 1
        latest = self._latest.get(instrument)
        evaluator = self._evaluators.setdefault(
            instrument, NextWindowEvaluator(self._config.criterion.recall_min, self._exit_on)
        )
        try:
            is_previous = latest is not None and latest.seq == seq
            model = latest if is_previous else self._ledger.kept_before(run.window) or latest
            if (finding := evaluator.update(run.window, model)) and model:
                self._judged(model, self._with_account(finding, model, run.window), run.window.seq)
        except (StoppingError, KafkaException):
            raise
        except Exception:
            self._log.not_judged(instrument, seq)

    def _with_account(self, finding: NextWindowResult, model: Model, window: Window) -> NextWindowResult:
        """The finding with the bettor's account after its rows. Older models are the registry's: after a restart there
        are no others."""
        instrument = model.instrument
        if finding.card is None:
            return finding
        kept = self._ledger.account(instrument, model.seq)
        account = self._settle(kept, model, window, lambda seq: self._ledger.kept(instrument, seq), self._exit_on)
        return replace(finding, card=replace(finding.card, account=account))

    def _judged(self, model: Model, finding: NextWindowResult, seen_with: int) -> None:
        instrument, seq = model.instrument, model.seq
        metrics.record_next_window(instrument, finding)
        if finding.drift_detected:
            self._drifted.add(instrument)
            self._ledger.put_drift(instrument, seq, seen_with)
        if finding.card is None:
            return
        self._ledger.put_scorecard(instrument, seq, finding.card, self._champion(model, finding.rows))
        self._events.write(RunEvent(instrument, seq, Step.SCORED, 0, detail=finding.detail, scorecard=finding.card))

    def _champion(self, model: Model, judged: Rows) -> Champion | None:
        """The model that serves, on the rows that judge another."""
        served = self._ledger.served(model.instrument)
        return None if served is None or served.seq == model.seq else proof.champion(served, judged)

    def _gate(self, run: Run) -> None:
        """Step 5. Refuses by setting the run's reason."""

        def work() -> None:
            instrument = run.window.instrument
            pooled = pooling.pool_scorecards(self._ledger.scorecards(instrument, run.window.seq))
            run.evidence = pooled.evidence
            metrics.record_pooled_scorecards(instrument, pooled)
            if run.candidate is None or run.reason is not None:
                return
            served = self._ledger.served(instrument)
            decision = gate.decide(run.candidate.holdout_model, served, run.candidate.test)
            if self._promotion is Promotion.PROVEN:
                judged = self._ledger.judged(instrument, run.window.seq)
                decision = gate.require_proof(proof.assess(judged, served.seq if served else None), decision)
            run.reason, run.detail = decision.reason, f"{decision.detail}; {pooled.text}"
            self._publish(run, Step.GATE, run.detail, run.reason)

        self._guarded(run, work)

    def _conclude(self, run: Run) -> None:
        """Steps 6 and 7."""
        self._events.flush()
        if run.reason in KEPT_REASONS:
            self._guarded(run, lambda: self._keep(run))
        if run.is_noted and not self._ledger.put_record(self._record(run), run.rejected):
            run.reason, run.detail = RunReason.STALE, "this window has ended otherwise"
        waited_s = (self._clock_ns() - run.closed.at_ns) / NS_PER_S
        sha256, model = (run.candidate.sha256, run.candidate.model) if run.candidate else ("", None)
        result = result_of(sha256, run.verdict, run.evidence, model, waited_s, run.tuning_s)
        self._publish(run, Step.of_verdict(run.verdict), run.detail, run.reason, result)
        self._events.flush()
        self._record_metrics(run, waited_s)

    def _keep(self, run: Run) -> None:
        """The model into the registry."""
        assert run.candidate is not None
        publish = self._ledger.publish if run.reason is None else self._ledger.publish_candidate
        if publish(run.candidate, self._record(run)) is Publication.STALE:
            run.reason, run.detail = RunReason.STALE, "a newer model is published, or this window has ended otherwise"

    def _record(self, run: Run) -> ModelRecord:
        sha256 = run.candidate.sha256 if run.candidate else ""
        window = run.window
        return ModelRecord(
            *(window.instrument, window.seq, sha256, run.verdict, run.reason or "", run.evidence, self._clock_ns()),
            first_offset=window.first_offset,
            last_offset=window.last_offset,
            replay_offset=window.replay_offset,
            breaks=window.rows.breaks,
        )

    def _record_metrics(self, run: Run, waited_s: float) -> None:
        """The log and the metrics."""
        window, reason = run.window, run.reason or ""
        metrics.record_run(window.instrument, run.verdict, reason)
        metrics.record_end(window.instrument, window.seq, reason)
        trace = self._log.trace(window.instrument, window.seq)
        if run.tuning_to_ns:
            metrics.record_tuning(run.tuning_s, trace)
        if run.reason is None:
            metrics.record_published(waited_s, trace)
        if run.candidate is not None:
            metrics.record_memory(window.instrument, run.candidate.model.lineage.memory)
        self._log.ended(run, waited_s)

    def _guarded(self, run: Run, work: Callable[[], object]) -> None:
        """Do one step; what goes wrong in it ends the run with a reason, and nothing but the run."""
        try:
            work()
        except (StoppingError, KafkaException):
            raise
        except NoModelError as refusal:
            run.reason, run.detail = refusal.reason, str(refusal)
        except Exception as failure:
            self._log.failed(run)
            run.reason, run.detail = RunReason.TRAINING_ERROR, f"{type(failure).__name__}: {failure}"

    def _publish(
        self, run: Run, step: Step, detail: str, reason: str | None = None, result: RunResult | None = None
    ) -> None:
        window = run.window
        self._events.write(
            RunEvent(
                window.instrument,
                window.seq,
                step,
                at_ns=0,
                reason=reason or "",
                detail=detail,
                result=result,
                first_example_seq=int(window.rows.example_seq[0]),
                last_example_seq=int(window.rows.example_seq[-1]),
                trials_planned=self._config.trials,
                window_closed_at_ns=run.closed.at_ns,
            )
        )
