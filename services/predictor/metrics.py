"""What the predictor records: calls, predictions, the models that it serves, and records it could not read."""

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any

from grpc import StatusCode

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.contracts.topics import TICKS
from tidewheel.domain.models import ModelPointer
from tidewheel.domain.time import NS_PER_S
from tidewheel.registry.verify import VerificationFailure
from tidewheel.telemetry import metrics
from tidewheel.telemetry.tracing.tracer import Exemplar

SERVICE = "predictor"
PREDICTIONS_CACHED = 4_096
# Of which model an answer is, where its version may be none of those that are told apart.
SERVING, OLDER = "serving", "older"


class RpcMetrics:
    """Calls of one method. Made before the first call, so that a reader of metrics sees 0 and not nothing."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._duration_s = metrics.RPC_DURATION_SECONDS.labels(method)
        self._ok = metrics.RPCS.labels(method, StatusCode.OK.name)
        metrics.RPCS.labels(method, StatusCode.INTERNAL.name)

    def record_call(self, duration_s: float, code: StatusCode, sample: Exemplar | None = None) -> None:
        """`sample`: the call's trace, if there is one."""
        self._duration_s.observe(duration_s, sample)
        self.record_end(code)

    def record_end(self, code: StatusCode) -> None:
        """A call that took no time of the engine's: refused at once, or a stream, whose length is its caller's."""
        (self._ok if code is StatusCode.OK else metrics.RPCS.labels(self._method, code.name)).inc()


def show_refusals(reasons: Iterable[str]) -> None:
    """All reasons there are, so that a reader of metrics sees 0 and not nothing."""
    for reason in reasons:
        metrics.REFUSALS.labels(reason)


def record_refusal(reason: str) -> None:
    """A call got no score."""
    metrics.REFUSALS.labels(reason).inc()


def record_wait(duration_s: float) -> None:
    """How long a call waited for a thread."""
    metrics.RPC_WAIT_SECONDS.observe(duration_s)


def record_calls_in_progress(count: Callable[[], int]) -> None:
    """Asked whenever metrics are read."""
    metrics.RPCS_IN_PROGRESS.set_function(count)


def record_caller_ended(waiting_for: str, reason: str) -> None:
    """A call was ended since its caller kept it waiting."""
    metrics.RPCS_ENDED.labels(waiting_for, reason).inc()


def record_batch(method: str, instrument: str, seq: int | None, rows: int, flagged: int) -> None:
    """A call whose rows were scored by model `seq`, so many of them flagged; None: by one that does not serve, which a
    caller chose."""
    _answers(method, OLDER if seq is None else SERVING).inc()
    version = OLDER if seq is None else str(seq)
    for label, count in ((1, flagged), (0, rows - flagged)):
        if count:
            _predictions(instrument, version, label).inc(count)


def record_prediction(method: str, instrument: str, seq: int, label: int) -> None:
    """A call whose row was given this label by model `seq`, which serves."""
    _answers(method, SERVING).inc()
    _predictions(instrument, str(seq), label).inc()


@cache
def _answers(method: str, model: str) -> Any:
    return metrics.ANSWERS.labels(method, model)


@lru_cache(maxsize=PREDICTIONS_CACHED)
def _predictions(instrument: str, version: str, label: int) -> Any:
    """Finding a counter by its labels takes longer than counting."""
    return metrics.PREDICTIONS.labels(instrument, version, str(label))


def forget_predictions(instrument: str, seq: int) -> None:
    """No longer show what was counted of an old model, if anything was."""
    _predictions.cache_clear()
    for label in ("0", "1"):
        metrics.PREDICTIONS.remove(instrument, str(seq), label)


def record_swap(pointer: ModelPointer, learnt_until_ns: int) -> None:
    """This model serves from now on."""
    instrument = pointer.instrument
    metrics.MODEL_SWAPS.labels(instrument).inc()
    metrics.MODEL_SWAP_FAILURES.labels(instrument, VerificationFailure.CHECKSUM)
    metrics.MODEL_SEQ.labels(instrument).set(pointer.seq)
    metrics.MODEL_EPOCH.labels(instrument).set(pointer.epoch)
    metrics.MODEL_PUBLISHED_TIME_SECONDS.labels(instrument).set(pointer.published_at_ns / NS_PER_S)
    metrics.MODEL_LEARNT_TIME_SECONDS.labels(instrument).set(learnt_until_ns / NS_PER_S)


def record_swap_duration(duration_s: float, sample: Exemplar | None = None) -> None:
    """From its bytes asked for to the model serving. `sample`: the swap's trace, if there is one."""
    metrics.MODEL_SWAP_DURATION_SECONDS.observe(duration_s, sample)


def record_resident_bytes(count: int) -> None:
    metrics.MODELS_RESIDENT_BYTES.set(count)


def record_copy_failure() -> None:
    metrics.MODEL_COPY_FAILURES.inc()


def record_swap_failure(instrument: str, reason: VerificationFailure) -> None:
    metrics.MODEL_SWAP_FAILURES.labels(instrument, reason).inc()


def record_ages(instrument: str, model_age_ns: int | None, features_age_ns: int | None) -> None:
    """How old the serving model and the market are; what is not known is left as it was."""
    for gauge, age_ns in ((metrics.MODEL_AGE_SECONDS, model_age_ns), (metrics.FEATURES_AGE_SECONDS, features_age_ns)):
        if age_ns is not None:
            gauge.labels(instrument).set(age_ns / NS_PER_S)


def record_flags(instrument: str, kinds: Iterable[str]) -> None:
    """Kinds of the flags of one answer beside its model's own."""
    for kind in kinds:
        metrics.TRUST_FLAGS.labels(instrument, kind).inc()


def record_logged() -> None:
    metrics.PREDICTIONS_LOGGED.inc()


def record_lost(reason: str) -> None:
    metrics.PREDICTIONS_LOST.labels(reason).inc()


def record_shadow(instrument: str, difference: float, *, agrees: bool) -> None:
    """What the candidate scored beside an answer: whether the label is the same, and by how much the scores differ."""
    metrics.SHADOW_ANSWERS.labels(instrument, str(agrees).lower()).inc()
    metrics.SHADOW_DIFFERENCE.observe(difference)


def record_shadow_failure(instrument: str) -> None:
    metrics.SHADOW_FAILURES.labels(instrument).inc()


def show_parity(instrument: str, results: Iterable[str]) -> None:
    """All that a comparison may say, so that a reader of metrics sees 0 and not nothing."""
    for result in results:
        metrics.PARITY.labels(instrument, result)


def record_parity(instrument: str, result: str) -> None:
    metrics.PARITY.labels(instrument, result).inc()


def record_procedure_record_failure(instrument: str) -> None:
    metrics.PROCEDURE_RECORD_FAILURES.labels(instrument).inc()


def record_registry_up(up: bool) -> None:
    metrics.REGISTRY_UP.labels(SERVICE).set(up)


def record_invalid_record(reason: DeadLetterReason) -> None:
    """A market second that cannot be decoded; the labeler makes its dead letter."""
    metrics.DEAD_LETTERS.labels(SERVICE, TICKS.name, reason).inc()
