"""Topic `training-runs`."""

from tidewheel.contracts.codecs.columns import checked_instrument, parse
from tidewheel.contracts.codecs.models import (
    hyperparameters_from_wire,
    hyperparameters_to_wire,
    metrics_from_wire,
    metrics_to_wire,
    scorecard_from_wire,
    scorecard_to_wire,
)
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.training import RunEvent, RunResult, SplitSizes, Step, Trial
from tidewheel.wire.v1 import training_pb2


def encode_run_event(value: RunEvent) -> bytes:
    message = training_pb2.TrainingRunEvent(
        instrument=value.instrument,
        seq=value.seq,
        step=int(value.step),  # type: ignore[arg-type]
        at_ns=value.at_ns,
        reason=value.reason,
        detail=value.detail,
        first_example_seq=value.first_example_seq,
        last_example_seq=value.last_example_seq,
        trials_planned=value.trials_planned,
        window_closed_at_ns=value.window_closed_at_ns,
    )
    if value.trial:
        message.trial.CopyFrom(_trial_to_wire(value.trial))
    if value.split:
        split = value.split
        message.split.CopyFrom(
            training_pb2.SplitSizes(
                training=split.training,
                validation=split.validation,
                test=split.test,
                purged=split.purged,
                folds=split.folds,
            )
        )
    if value.result:
        message.result.CopyFrom(_result_to_wire(value.result))
    if value.scorecard:
        message.scorecard.CopyFrom(scorecard_to_wire(value.scorecard))
    return message.SerializeToString(deterministic=True)


def decode_run_event(payload: bytes | None) -> RunEvent:
    """Raises InvalidRecordError."""
    message = parse(training_pb2.TrainingRunEvent, payload)
    try:
        step = Step(message.step)
    except ValueError as failure:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, str(failure)) from None
    split = message.split
    return RunEvent(
        instrument=checked_instrument(message.instrument),
        seq=message.seq,
        step=step,
        at_ns=message.at_ns,
        reason=message.reason,
        detail=message.detail,
        trial=_trial_from_wire(message.trial) if message.HasField("trial") else None,
        split=SplitSizes(split.training, split.validation, split.test, split.purged, split.folds)
        if message.HasField("split")
        else None,
        result=_result_from_wire(message.result) if message.HasField("result") else None,
        scorecard=scorecard_from_wire(message.scorecard) if message.HasField("scorecard") else None,
        first_example_seq=message.first_example_seq,
        last_example_seq=message.last_example_seq,
        trials_planned=message.trials_planned,
        window_closed_at_ns=message.window_closed_at_ns,
    )


def _trial_to_wire(value: Trial) -> training_pb2.Trial:
    return training_pb2.Trial(
        number=value.number,
        of=value.of,
        objective=value.objective,
        feasible=value.feasible,
        precision=value.precision,
        recall=value.recall,
        threshold_z=value.threshold_z,
        hyperparameters=hyperparameters_to_wire(value.hyperparameters),
    )


def _trial_from_wire(message: training_pb2.Trial) -> Trial:
    return Trial(
        message.number,
        message.of,
        message.objective,
        message.feasible,
        message.precision,
        message.recall,
        message.threshold_z,
        hyperparameters_from_wire(message.hyperparameters),
    )


def _result_to_wire(value: RunResult) -> training_pb2.RunResult:
    message = training_pb2.RunResult(
        sha256=value.sha256,
        verdict=value.verdict,
        evidence=value.evidence,
        threshold=value.threshold,
        base_rate=value.base_rate,
        trials=value.trials,
        tuning_s=value.tuning_s,
        window_closed_to_published_s=value.window_closed_to_published_s,
    )
    if value.validation:
        message.validation.CopyFrom(metrics_to_wire(value.validation))
    if value.test:
        message.test.CopyFrom(metrics_to_wire(value.test))
    return message


def _result_from_wire(message: training_pb2.RunResult) -> RunResult:
    return RunResult(
        sha256=message.sha256,
        verdict=message.verdict,
        evidence=message.evidence,
        threshold=message.threshold,
        base_rate=message.base_rate,
        validation=metrics_from_wire(message.validation) if message.HasField("validation") else None,
        test=metrics_from_wire(message.test) if message.HasField("test") else None,
        trials=message.trials,
        tuning_s=message.tuning_s,
        window_closed_to_published_s=message.window_closed_to_published_s,
    )
