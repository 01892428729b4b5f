"""A model made again from the log alone: its rows read back, trained as its lineage says, its bytes compared."""

import json
from dataclasses import dataclass, replace
from hashlib import sha256

from threadpoolctl import threadpool_limits

from services.trainer.core import SearchStart, train_candidate
from services.trainer.modelling.no_model import NoModelError
from services.trainer.search.config import PROCEDURE, TrainingConfig
from services.trainer.windows.count_windows import Window, Windows
from tidewheel.contracts.codecs.models import decode_model, encode_model
from tidewheel.contracts.codecs.orders import decode_example
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.topics import TRAINING_RUNS
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.models import Lineage, Model, ModelRecord
from tidewheel.runtime.kafka import read_to_end
from tidewheel.runtime.kafka_access import Broker


class RebuildError(TidewheelError):
    """The log or this program no longer holds what is needed; the message is one line for people."""


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilt:
    """The model made again, and the sha256 of its bytes."""

    model: Model
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelOrigin:
    """What a model was made of, and the bytes that came of it. `start_offset`: where its rows begin on their topic, 0
    where nobody says. `tells_range`: whether its bytes tell the range that training saw, as all newer programs' do."""

    instrument: str
    seq: int
    lineage: Lineage
    sha256: str
    start_offset: int = 0
    tells_range: bool = True

    @classmethod
    def of(cls, model: Model, record: ModelRecord) -> "ModelOrigin":
        """Of a model of the registry."""
        start_offset = record.replay_offset if model.lineage.memory else record.first_offset
        return cls(
            model.instrument, model.seq, model.lineage, record.sha256, start_offset, tells_range=bool(model.lowest)
        )


def origin_on_log(bootstrap: Broker, seq: int, instrument: str | None) -> ModelOrigin:
    """What the run of a window said on topic `training-runs` when it ended. Raises RebuildError where none did, or
    where `instrument` is None and runs of several did; KafkaException."""
    found: dict[str, ModelOrigin] = {}
    for message in read_to_end(bootstrap, TRAINING_RUNS.name):
        try:
            event = decode_run_event(message.value())
        except InvalidRecordError:
            continue
        result, is_wanted = event.result, event.seq == seq and instrument in (None, event.instrument)
        if is_wanted and result is not None and result.lineage is not None:
            found[event.instrument] = ModelOrigin(event.instrument, seq, result.lineage, result.sha256)
    if not found:
        raise RebuildError(f"no run on topic {TRAINING_RUNS.name} tells what model {seq} was made of")
    if len(found) > 1:
        raise RebuildError(f"runs of several instruments made a model {seq}: {', '.join(sorted(found))}; say which")
    (origin,) = found.values()
    return origin


def rebuild(bootstrap: Broker, origin: ModelOrigin) -> Rebuilt:
    """Make a model again. Raises RebuildError, KafkaException."""
    config = config_of(origin.lineage)
    search_start = _search_start_of(origin.lineage)
    window = read_window(bootstrap, origin, config)
    try:
        with threadpool_limits(1):  # as in the trainer: sums of one thread have one order
            rebuilt = train_candidate(window, config, lambda _: None, search_start).model
    except NoModelError as failure:
        raise RebuildError(f"these rows give no model here: {failure}") from None
    if not origin.tells_range:
        rebuilt = replace(rebuilt, lowest=b"", highest=b"")
    model_bytes = encode_model(rebuilt)
    return Rebuilt(decode_model(model_bytes), sha256(model_bytes).hexdigest())


def config_of(lineage: Lineage) -> TrainingConfig:
    """The configuration a model names. Raises RebuildError where it is another program's."""
    values = json.loads(lineage.training_config)
    if values.get("procedure") != PROCEDURE:
        raise RebuildError(
            f"made by procedure {values.get('procedure')}, this program follows {PROCEDURE}; use the program of then"
        )
    try:
        return TrainingConfig.from_dict(values)
    except (KeyError, TypeError, ValueError) as failure:
        raise RebuildError(f"its training configuration is none of this program's: {failure}") from None


def _search_start_of(lineage: Lineage) -> SearchStart:
    try:
        return SearchStart.from_lineage(lineage.started_from)
    except (TypeError, ValueError) as failure:
        raise RebuildError(f"the setting its search started from is none of this program's: {failure}") from None


def read_window(bootstrap: Broker, origin: ModelOrigin, config: TrainingConfig) -> Window:
    """Exactly the rows of a model's window, and those it remembers. Raises RebuildError where one is missing.

    Looked for where the record says, and then from the beginning: a record may be wrong, or forged.
    """
    try:
        return _read_window(bootstrap, origin, config, origin.start_offset)
    except RebuildError:
        if not origin.start_offset:
            raise
    return _read_window(bootstrap, origin, config, 0)


def _read_window(bootstrap: Broker, origin: ModelOrigin, config: TrainingConfig, start: int) -> Window:
    lineage, windows = origin.lineage, Windows(config.windowing, config.memory)
    first = min([lineage.first_example_seq, *(one.first_example_seq for one in lineage.memory)])
    newest = first - 1
    for message in read_to_end(bootstrap, lineage.topic, {lineage.partition: start}):
        try:
            example = decode_example(message.value())
        except InvalidRecordError:
            continue  # the trainer rejected it as well
        if example.instrument != origin.instrument or example.example_seq < first:
            continue
        for event in windows.on_example(example, lineage.partition, message.offset() or 0):
            if isinstance(event, Window) and event.seq == origin.seq:
                return _as_remembered(event, lineage)
        newest = max(newest, example.example_seq)
        if newest >= lineage.last_example_seq:
            break
    raise RebuildError(
        f"topic {lineage.topic} does not hold all of {origin.instrument} any more, partition {lineage.partition} from "
        f"offset {start}; the model needs examples {lineage.first_example_seq} to {lineage.last_example_seq}, and what "
        f"was found ends at {newest}"
    )


def _as_remembered(window: Window, lineage: Lineage) -> Window:
    """The window, if it remembers what the model's did. Raises RebuildError where it does not."""
    found = [(one.seq, one.first_example_seq, one.last_example_seq) for one in window.memory]
    wanted = [(one.seq, one.first_example_seq, one.last_example_seq) for one in lineage.memory]
    if found != wanted:
        missing = sorted({seq for seq, _, _ in wanted} ^ {seq for seq, _, _ in found})
        raise RebuildError(
            f"topic {lineage.topic} does not hold all that the model remembers: windows {missing} were read otherwise"
        )
    return window
