"""What was really served: a sample of the answers goes to topic `predictions`, and to the candidate, which shadows.

A call hands its answer over and goes on: nothing waits for Kafka or for the candidate. One thread takes what was handed
over; where it does not keep up, or Kafka does not, answers are let go and counted.
"""

import logging
import queue
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from services.predictor.core import Prediction, PredictionNow, Predictions, Rows
from services.predictor.metrics import record_logged, record_lost, record_shadow
from services.predictor.models.model_slot import ServingModel
from services.predictor.served.shadow import ShadowAnswer, shadow_answer
from tidewheel.contracts.codecs.predictions import encode_prediction
from tidewheel.contracts.topics import PREDICTIONS
from tidewheel.domain.predictions import ServedPrediction
from tidewheel.runtime.kafka import KAFKA, Clients, producer_config
from tidewheel.runtime.kafka_access import Broker
from tidewheel.telemetry.reported_failures import ReportedFailures
from tidewheel.telemetry.tracing.context import Headers

# Answers handed over and not yet taken: some 10 MB of features.
WAITING_MAX = 4_000
# Answers with the producer and not yet delivered.
IN_FLIGHT_MAX = 10_000
# One batch of rows can have as many answers as rows; of it no more are handed over.
BATCH_ROWS_MAX = 500
WAIT_S = 0.25
DELIVERY_LIMIT_MS = 30_000
LAST_DELIVERIES_S = 1.0


@dataclass(frozen=True, slots=True)
class SampleRates:
    """Which share of the answers is written, and shown to the candidate."""

    now: float = 1.0
    predict: float = 0.0
    shadow: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a caller got, of one row. `now`: of PredictNow. `logged`: to be written."""

    method: str
    at_ns: int
    row: Rows
    score: float
    label: int
    model: ServingModel
    flags: tuple[str, ...]
    candidate: ServingModel | None
    logged: bool
    now: PredictionNow | None = None
    quote_given: bool = False
    headers: Headers | None = None


class ServedLog:
    """Calls hand answers over from any thread; one thread runs `run`."""

    def __init__(
        self,
        bootstrap: Broker,
        rates: SampleRates,
        candidate_of: Callable[[str], ServingModel | None],
        log: logging.Logger,
        clients: Clients = KAFKA,
        chance: Callable[[], float] = random.random,
        headers: Callable[[], Headers | None] | None = None,
    ) -> None:
        """`headers`: what the record of the call in hand carries, where traces are on."""
        self._headers = headers
        self._bootstrap = bootstrap
        self._rates = rates
        self._candidate_of = candidate_of
        self._log = log
        self._clients = clients
        self._chance = chance
        self._waiting: queue.Queue[Answer] = queue.Queue(WAITING_MAX)
        self._producer: Producer | None = None
        self._failures = ReportedFailures[str]()

    def on_prediction(self, value: Prediction, row: Rows, at_ns: int) -> None:
        """An answer to Predict."""
        candidate, logged = self._sampled(value.model, self._rates.predict)
        if logged or candidate is not None:
            flags = _flags(value)
            self._offer(Answer("Predict", at_ns, row, value.score, value.label, value.model, flags, candidate, logged))

    def on_now(self, value: PredictionNow, quote_given: bool, at_ns: int) -> None:
        """An answer to PredictNow."""
        one = value.prediction
        candidate, logged = self._sampled(one.model, self._rates.now)
        if logged or candidate is not None:
            self._offer(
                Answer(
                    *(
                        "PredictNow",
                        at_ns,
                        value.row,
                        one.score,
                        one.label,
                        one.model,
                        _flags(one),
                        candidate,
                        logged,
                    ),
                    now=value,
                    quote_given=quote_given,
                )
            )

    def on_batch(self, value: Predictions, rows: Rows, at_ns: int, method: str = "PredictBatch") -> None:
        """An answer of many rows: some of them."""
        if not self._rates.predict and self._candidate_of(value.model.instrument) is None:
            return
        flags, handed_over = _flags(value), 0
        for row, score, label in zip(rows, value.scores.tolist(), value.labels.tolist(), strict=True):
            candidate, logged = self._sampled(value.model, self._rates.predict)
            if not logged and candidate is None:
                continue
            # A copy, since a view would keep the whole batch alive.
            self._offer(Answer(method, at_ns, row.copy(), score, label, value.model, flags, candidate, logged))
            handed_over += 1
            if handed_over == BATCH_ROWS_MAX:
                return

    def _sampled(self, model: ServingModel, share: float) -> tuple[ServingModel | None, bool]:
        candidate = self._candidate_of(model.instrument)
        if candidate is not None and not self._is_drawn(self._rates.shadow):
            candidate = None
        return candidate, self._is_drawn(share)

    def _is_drawn(self, share: float) -> bool:
        return share >= 1 or (share > 0 and self._chance() < share)

    def _offer(self, answer: Answer) -> None:
        if self._headers is not None:
            answer = replace(answer, headers=self._headers())
        try:
            self._waiting.put_nowait(answer)
        except queue.Full:
            record_lost("predictor_busy")

    def run(self, stop: threading.Event) -> None:
        """Take answers until `stop` is set, and then what is left."""
        while not stop.is_set():
            self.take(WAIT_S)
        while self.take(0.0):
            pass
        self._close()

    def take(self, wait_s: float) -> bool:
        """Take the next answer, if one comes in time; whether one came."""
        try:
            answer = self._waiting.get(timeout=wait_s) if wait_s else self._waiting.get_nowait()
        except queue.Empty:
            self._poll_deliveries()
            return False
        shadow = None
        if answer.candidate is not None:
            shadow = shadow_answer(answer.candidate, answer.row, answer.score, answer.label)
            record_shadow(answer.model.instrument, shadow.difference, agrees=shadow.agrees)
        if answer.logged:
            self._produce(_served(answer, shadow), answer.headers)
        self._poll_deliveries()
        return True

    def _poll_deliveries(self) -> None:
        if self._producer is not None:
            self._producer.poll(0)

    def _produce(self, value: ServedPrediction, headers: Headers | None) -> None:
        more: dict[str, Any] = {} if headers is None else {"headers": headers}
        try:
            if self._producer is None:
                self._producer = self._clients.producer(self._config())
            self._producer.produce(
                PREDICTIONS.name, encode_prediction(value), value.instrument, on_delivery=self._on_delivery, **more
            )
        except BufferError:
            record_lost("kafka_slow")
        except KafkaException as failure:
            record_lost("kafka_failed")
            self._log_failure(failure.args[0])
            self._producer = None  # one that has failed for good; the next answer brings another

    def _config(self) -> dict[str, object]:
        return producer_config(
            self._bootstrap,
            "predictor",
            **{
                "queue.buffering.max.messages": IN_FLIGHT_MAX,
                "message.timeout.ms": DELIVERY_LIMIT_MS,
                "log_level": 0,  # what matters is logged by _log_failure, once
            },
        )

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            record_logged()
            self._failures.clear(PREDICTIONS.name)
        else:
            record_lost("kafka_failed")
            self._log_failure(error)

    def _log_failure(self, error: KafkaError) -> None:
        if self._failures.is_new(PREDICTIONS.name, error.name()):
            self._log.warning("answers are not written to topic %s, and lost: %s", PREDICTIONS.name, error.str())

    def _close(self) -> None:
        if self._producer is not None:
            left = self._producer.flush(LAST_DELIVERIES_S)
            for _ in range(left):
                record_lost("stopped")


def _flags(value: Prediction | Predictions) -> tuple[str, ...]:
    return tuple(flag.kind.value for flag in value.trust.flags)


def _served(answer: Answer, shadow: ShadowAnswer | None) -> ServedPrediction:
    model, now = answer.model, answer.now
    return ServedPrediction(
        instrument=model.instrument,
        at_ns=answer.at_ns,
        method=answer.method,
        features=answer.row.astype("<f4", copy=False).tobytes(),
        score=answer.score,
        label=answer.label,
        threshold=model.threshold,
        model_seq=model.seq,
        model_epoch=model.epoch,
        model_sha256=model.sha256,
        flags=answer.flags,
        second=now.second if now else 0,
        bid_e9=now.quote.bid_e9 if now else 0,
        offer_e9=now.quote.offer_e9 if now else 0,
        quote_given=answer.quote_given,
        candidate_seq=shadow.seq if shadow else 0,
        candidate_score=shadow.score if shadow else 0.0,
        candidate_label=shadow.label if shadow else 0,
    )
