"""What the training thread says of runs: each line with its instrument and window, and its trace where there is one."""

import logging

from services.trainer.runs.jobs import Run
from tidewheel.domain.models import ModelRecord
from tidewheel.telemetry.logs import Fields, of_window
from tidewheel.telemetry.tracing.tracer import Exemplar, Tracer, exemplar


class RunLog:
    """Lines of one service's log."""

    def __init__(self, log: logging.Logger, tracer: Tracer) -> None:
        self._log = log
        self._tracer = tracer

    def trace(self, instrument: str, seq: int) -> Exemplar | None:
        """The run's trace, as lines and samples of histograms name it; None where there is none."""
        return exemplar(self._tracer.run(instrument, seq)) if self._tracer.on else None

    def ended(self, run: Run, waited_s: float) -> None:
        window, reason = run.window, run.reason or ""
        why = f" ({reason})" if reason else ""
        values = (window.seq, window.instrument, run.verdict, why, waited_s, run.detail)
        fields = self._fields(window.instrument, window.seq, reason)
        self._log.info("window %d of %s %s%s after %.2f s: %s", *values, extra=fields)

    def ended_before(self, record: ModelRecord) -> None:
        values = (record.seq, record.instrument, record.verdict)
        self._log.info("window %d of %s was %s before", *values, extra=self._of_record(record))

    def ended_otherwise(self, record: ModelRecord, detail: str) -> None:
        values = (record.seq, record.instrument, detail)
        self._log.warning("window %d of %s has ended otherwise: %s", *values, extra=self._of_record(record))

    def record_rejected(self, record: ModelRecord, contradiction: str) -> None:
        template = "the record of window %d of %s is rejected, since %s; use an empty Redis when topics are made anew"
        self._log.error(template, record.seq, record.instrument, contradiction, extra=self._of_record(record))

    def unknown(self, instrument: str, first: int, last: int) -> None:
        self._log.warning("%s: nothing is known of windows %d to %d", instrument, first, last)

    def not_judged(self, instrument: str, seq: int) -> None:
        """Called where something was raised."""
        template = "model %d of %s could not be judged on its next window"
        self._log.exception(template, seq, instrument, extra=self._fields(instrument, seq))

    def failed(self, run: Run) -> None:
        """Called where something was raised."""
        instrument, seq = run.window.instrument, run.window.seq
        self._log.exception("window %d of %s failed", seq, instrument, extra=self._fields(instrument, seq))

    def _of_record(self, record: ModelRecord) -> Fields:
        return self._fields(record.instrument, record.seq, record.reason)

    def _fields(self, instrument: str, seq: int, reason: str = "") -> Fields:
        more = {"reason": reason} if reason else {}
        return of_window(instrument, seq, **more, **(self.trace(instrument, seq) or {}))
