"""Asks the predictor for predictions as a client would, and notes which model answered first when."""

import json
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tidewheel.local.clock import steady_s, wall_ns
from tidewheel.local.metrics import record_client_answer, record_client_failure
from tidewheel.local.monitoring.predictor_client import NoPredictionError, Prediction
from tidewheel.local.stop_condition import SERVE_LIMIT_S
from tidewheel.runtime.background import BackgroundThread

QUIET_EVERY_S = 1.0
EAGER_EVERY_S = 0.05
QUESTIONS_PER_S = 8.0  # of all instruments, while nothing is new
PREDICTIONS_KEPT = 20
# What PredictNow says where it cannot cut features yet; the model may well answer given ones.
NO_FEATURES = ("FAILED_PRECONDITION", "NOT_FOUND", "UNAVAILABLE", "OUT_OF_RANGE")


class Client(Protocol):
    """What the probe asks; both raise NoPredictionError."""

    def predict_now(self, instrument: str) -> Prediction: ...
    def predict_flat_market(self, instrument: str) -> Prediction: ...


@dataclass(frozen=True, slots=True)
class TimedPrediction:
    """A prediction and when it came, wall clock."""

    at_ns: int
    prediction: Prediction


class ServedLog:
    """Which models have been named by a reply and when, kept in a file so that a resumed run knows. Thread-safe."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._first_ns: dict[tuple[str, int], int] = {}
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                with suppress(ValueError, KeyError, TypeError):  # a line cut short by a kill
                    row = json.loads(line)
                    self._first_ns.setdefault((row["instrument"], row["seq"]), row["served_at_ns"])

    def record(self, instrument: str, seq: int, at_ns: int) -> bool:
        """A reply named the model; returns whether it is the first."""
        with self._lock:
            if (instrument, seq) in self._first_ns:
                return False
            self._first_ns[(instrument, seq)] = at_ns
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps({"instrument": instrument, "seq": seq, "served_at_ns": at_ns}) + "\n")
        return True

    def all(self) -> dict[tuple[str, int], int]:
        """(instrument, seq) -> wall clock of the first reply."""
        with self._lock:
            return dict(self._first_ns)


class ProbeSchedule:
    """When to ask: each second, and at each turn while a newly published model has not been named by a reply, for as
    long as a run waits for it. Later it may never be: after a rollback an older model serves."""

    def __init__(self) -> None:
        self._asked_s = -math.inf
        self._newest = 0
        self._eager_until_s = 0.0

    def due(self, now_s: float, newest: int, named: int, every_s: float = QUIET_EVERY_S) -> bool:
        """Whether to ask now. `newest`: the newest published model; `named`: the one named last."""
        if newest > self._newest:
            self._newest, self._eager_until_s = newest, now_s + SERVE_LIMIT_S
        eager = newest > named and now_s < self._eager_until_s
        if not eager and now_s - self._asked_s < every_s:
            return False
        self._asked_s = now_s
        return True


@dataclass(slots=True)
class Asked:
    """What came of the questions for one instrument."""

    schedule: ProbeSchedule = field(default_factory=ProbeSchedule)
    newest_named: int = 0
    recent: deque[TimedPrediction] = field(default_factory=lambda: deque(maxlen=PREDICTIONS_KEPT))


class Probe:
    """Asks for the instruments that `instruments()` names; for one more often once `newest_published(it)` is another
    model, and less often where they are many."""

    def __init__(
        self,
        client: Client,
        instruments: Callable[[], Sequence[str]],
        newest_published: Callable[[str], int],
        served: ServedLog,
        log: logging.Logger,
        wall_ns: Callable[[], int] = wall_ns,
    ) -> None:
        self._client = client
        self._instruments = instruments
        self._newest_published = newest_published
        self._log = log
        self._wall_ns = wall_ns
        self.background = BackgroundThread("probe", self._run)
        self._asked: dict[str, Asked] = {}
        self.served = served
        self.count = 0
        self.last_error = ""

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(EAGER_EVERY_S):
            instruments = self._instruments()
            every_s = max(QUIET_EVERY_S, len(instruments) / QUESTIONS_PER_S)
            for instrument in instruments:
                asked = self._asked.setdefault(instrument, Asked())
                newest = self._newest_published(instrument)
                if asked.schedule.due(steady_s(), newest, asked.newest_named, every_s):
                    self.ask(instrument)

    def recent(self, instrument: str | None) -> list[TimedPrediction]:
        """The newest predictions of an instrument, newest last."""
        return list(self._asked[instrument].recent) if instrument in self._asked else []

    def ask(self, instrument: str) -> None:
        """One question; what comes of it stands in `recent` or `last_error`."""
        started_s = steady_s()
        try:
            prediction = self._prediction(instrument)
        except NoPredictionError as failure:
            self.last_error = str(failure)
            record_client_failure(failure.code)
            return
        record_client_answer(steady_s() - started_s)
        self.last_error = ""
        self.count += 1
        at_ns = self._wall_ns()
        asked = self._asked.setdefault(instrument, Asked())
        asked.newest_named = prediction.seq
        asked.recent.append(TimedPrediction(at_ns, prediction))
        try:
            self.served.record(instrument, prediction.seq, at_ns)
        except OSError as failure:
            self._log.warning("the list of served models cannot be written: %s", failure)

    def _prediction(self, instrument: str) -> Prediction:
        try:
            return self._client.predict_now(instrument)
        except NoPredictionError as failure:
            if failure.code not in NO_FEATURES:
                raise
            return self._client.predict_flat_market(instrument)
