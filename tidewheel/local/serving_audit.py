"""Reads what was served, and the orders and examples of the same instants, as committed; the system may run meanwhile.

Predictions are read first: what is labelled by then, or while orders and examples are read, is joined.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

from confluent_kafka import Message

from tidewheel.contracts.codecs.orders import decode_example, decode_orders
from tidewheel.contracts.codecs.predictions import decode_prediction
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.invariants.serving import ServingAudit
from tidewheel.contracts.topics import EXAMPLES, ORDERS, PREDICTIONS, Topic
from tidewheel.domain.models import Model
from tidewheel.domain.predictions import ServedPrediction
from tidewheel.local.log_check import OnProgress, reporting
from tidewheel.registry.store import Registry, VerificationError
from tidewheel.runtime.kafka import read_to_end
from tidewheel.runtime.kafka_access import Broker

# The newest answers are looked at: some 250 MB of features.
PREDICTIONS_MAX = 100_000


def audit_serving(
    bootstrap: Broker, registry: Registry, instrument: str | None, progress: OnProgress, newest: int = PREDICTIONS_MAX
) -> ServingAudit:
    """The `newest` answers of one instrument, or of all. Raises KafkaException and RegistryUnavailableError where they
    cannot be read."""
    audit = ServingAudit(_model_of(registry))
    kept: deque[tuple[ServedPrediction, str]] = deque(maxlen=newest)
    for message in _read(bootstrap, PREDICTIONS, instrument, progress):
        place = f"{PREDICTIONS.name}[{message.partition()}]@{message.offset()}"
        try:
            kept.append((decode_prediction(message.value()), place))
        except InvalidRecordError as failure:
            audit.found["unreadable"] += 1
            audit.differences.append(f"{place} cannot be read: {failure}")
    for prediction, place in kept:
        audit.on_prediction(prediction, place)
    kept.clear()
    for message in _read(bootstrap, ORDERS, instrument, progress):
        with suppress(InvalidRecordError):  # `verify-log` tells
            audit.on_orders(decode_orders(message.value()))
    for message in _read(bootstrap, EXAMPLES, instrument, progress):
        with suppress(InvalidRecordError):
            audit.on_example(decode_example(message.value()))
    return audit


def _read(bootstrap: Broker, topic: Topic, instrument: str | None, progress: OnProgress) -> Iterator[Message]:
    for message in reporting(topic.name, read_to_end(bootstrap, topic.name), progress):
        if instrument is None or message.key() == instrument.encode():
            yield message


def _model_of(registry: Registry) -> Callable[[str, int, str], Model | None]:
    def model_of(instrument: str, seq: int, sha256: str) -> Model | None:
        try:
            record = registry.record_of(instrument, seq)
            return registry.load(instrument, seq) if record is not None and record.sha256 == sha256 else None
        except VerificationError:
            return None

    return model_of
