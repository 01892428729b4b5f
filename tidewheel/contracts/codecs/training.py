"""Topic `training-runs`."""

from tidewheel.contracts.codecs.message_table import INSTRUMENT, MessageTable, Nested, NestedOrNone, enum
from tidewheel.contracts.codecs.models import HYPERPARAMETERS, LINEAGE, PART_METRICS, SCORECARD
from tidewheel.domain.training import RunEvent, RunResult, SplitSizes, Step, Trial
from tidewheel.wire.v1 import training_pb2

TRIAL = MessageTable(training_pb2.Trial, Trial, {"hyperparameters": Nested(HYPERPARAMETERS)})
RUN_RESULT = MessageTable(
    training_pb2.RunResult,
    RunResult,
    {"validation": NestedOrNone(PART_METRICS), "test": NestedOrNone(PART_METRICS), "lineage": NestedOrNone(LINEAGE)},
)
RUN_EVENT = MessageTable(
    training_pb2.TrainingRunEvent,
    RunEvent,
    {
        "step": enum(Step),
        "instrument": INSTRUMENT,
        "trial": NestedOrNone(TRIAL),
        "split": NestedOrNone(MessageTable(training_pb2.SplitSizes, SplitSizes)),
        "result": NestedOrNone(RUN_RESULT),
        "scorecard": NestedOrNone(SCORECARD),
    },
)


def encode_run_event(value: RunEvent) -> bytes:
    return RUN_EVENT.encode(value)


def decode_run_event(payload: bytes | None) -> RunEvent:
    """Raises InvalidRecordError."""
    return RUN_EVENT.decode(payload)
