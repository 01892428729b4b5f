"""What a run came to, as one JSON object and as a few lines for people. Pure: counts in, text out."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tidewheel.domain.orders import Outcome
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training_runs import TrainingRun
from tidewheel.evidence.json_objects import finite, run_object
from tidewheel.local.monitoring.observed import InstrumentState, ObservedSystem
from tidewheel.local.run_counts import RunCounts
from tidewheel.presentation.numbers import number
from tidewheel.presentation.sentences import reason_text
from tidewheel.recordings.account import account_lines
from tidewheel.recordings.accounts import total_of

Served = Mapping[tuple[str, int], int]
MODELS_SHOWN_MAX = 12


@dataclass(frozen=True, slots=True)
class RunStats:
    """What the topics do not say. `served`: (instrument, seq) -> wall clock of the first reply that named the model."""

    wall_s: float
    served: Served
    predictions: int
    restarts: Mapping[str, int]


def summary(observed: ObservedSystem, stats: RunStats) -> dict[str, Any]:
    """The object that `--summary` writes. `continuity`: of each topic that was read, the records that came again or
    late, and those that are missing by the others' numbers."""
    instruments = [observed.instruments[name] for name in sorted(observed.instruments)]
    return {
        "wall_s": round(stats.wall_s, 3),
        **_counts(observed, instruments).as_dict(),
        "instruments": {one.name: _instrument(one) for one in instruments},
        "reading": {one.name: one.market.account for one in instruments if one.market.account is not None},
        "continuity": {topic: asdict(order.counts) for topic, order in observed.order.items()},
        "predictions": stats.predictions,
        "restarts": dict(stats.restarts),
        "models": [
            _model(one, run, stats.served)
            for one in instruments
            for _, run in sorted(one.runs.by_seq.items())
            if run.end is not None
        ],
    }


def _instrument(one: InstrumentState) -> dict[str, Any]:
    """The counts of one."""
    return {
        "ticks": one.market.ticks,
        "bars": one.market.bars,
        "placed": one.orders.placed,
        "transactions": {outcome.name: one.orders.outcomes[outcome] for outcome in Outcome},
        "examples": one.orders.examples,
    }


def _counts(observed: ObservedSystem, instruments: Sequence[InstrumentState]) -> RunCounts:
    """Those of all instruments together."""
    return RunCounts(
        ticks=sum(one.market.ticks for one in instruments),
        bars=sum(one.market.bars for one in instruments),
        placed=sum(one.orders.placed for one in instruments),
        not_placed=sum((one.orders.not_placed for one in instruments), Counter()),
        outcomes=sum((one.orders.outcomes for one in instruments), Counter()),
        examples=sum(one.orders.examples for one in instruments),
        dead_letters=observed.dead_letters,
    )


def _model(instrument: InstrumentState, run: TrainingRun, served: Served) -> dict[str, Any]:
    served_at_ns = served.get((instrument.name, run.seq))
    closed_to_served_s = (
        (served_at_ns - run.window_closed_at_ns) / NS_PER_S if served_at_ns and run.window_closed_at_ns else None
    )
    return {
        "instrument": instrument.name,
        **training_run_summary(run),
        "tuning_s": finite(round(run.result.tuning_s, 3)) if run.result else None,
        "window_closed_to_served_s": None if closed_to_served_s is None else round(closed_to_served_s, 3),
        "served": served_at_ns is not None,
    }


def training_run_summary(run: TrainingRun) -> dict[str, Any]:
    """How a training run ended and how its model did: all that the clock has no part in."""
    result = run.result
    verdict = result.verdict if result and result.verdict else (run.end.name.lower() if run.end else "")
    made_of = (result.sha256, result.evidence) if result else ("", "")
    return {
        **run_object(run.seq, made_of[0], verdict, run.reason, made_of[1], result, run.scorecard),
        "detail": run.detail,
        "trials": result.trials if result else 0,
    }


def as_json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, allow_nan=False) + "\n"


def as_text(values: Mapping[str, Any]) -> list[str]:
    """The summary in a few lines."""
    outcomes = ", ".join(f"{count:,} {name}" for name, count in values["transactions"].items())
    restarts = sum(values["restarts"].values())
    lines = [
        f"{values['wall_s']:,.1f} s: {values['ticks']:,} ticks in {values['bars']:,} market seconds, "
        f"{values['orders']['placed']:,} orders placed, {values['orders']['not_placed']:,} not placed",
        f"orders resolved: {outcomes}; {values['examples']:,} examples",
        f"{values['predictions']:,} predictions, {values['dead_letters']:,} dead letters, {restarts} restarts",
    ]
    several = len(values["instruments"]) > 1
    if several:
        lines += [_instrument_line(name, one) for name, one in values["instruments"].items()]
    if len(values["reading"]) > 1:
        lines += account_lines(total_of(values["reading"].values()))
    for name, account in values["reading"].items():
        lines += [f"{name}: {line}" for line in account_lines(account)]
    lines += [_continuity_line(topic, counts) for topic, counts in values["continuity"].items() if any(counts.values())]
    return lines + [
        f"{model['instrument']}: {_model_line(model)}" if several else _model_line(model)
        for model in _newest(values["models"])
    ]


def _newest(models: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The newest of each instrument, of all together no more than can be read, at least one of each."""
    names = list(dict.fromkeys(model["instrument"] for model in models))
    each = max(1, MODELS_SHOWN_MAX // max(1, len(names)))
    return [model for name in names for model in [one for one in models if one["instrument"] == name][-each:]]


def _instrument_line(name: str, one: Mapping[str, Any]) -> str:
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in one["transactions"].items())
    return (
        f"{name}: {one['ticks']:,} ticks in {one['bars']:,} market seconds, {one['placed']:,} orders placed: "
        f"{outcomes}; {one['examples']:,} examples"
    )


def _continuity_line(topic: str, counts: Mapping[str, int]) -> str:
    return f"topic {topic}: {counts['repeated']:,} records came again or late, {counts['skipped']:,} are missing"


def _model_line(model: Mapping[str, Any]) -> str:
    head = f"model {model['seq']}: {model['verdict']}"
    if model["test"] is None or not model["sha256"]:
        return head + _reason_text(model)
    test, after = model["test"], model["next"]
    line = f"{head}{'' if model['verdict'] == 'published' else _reason_text(model)}, test {_metrics_text(test)}"
    line += f", evidence {model['evidence'] or 'none'}"
    if after is not None:
        line += f"; next window {_metrics_text(after)}"
    if model["window_closed_to_served_s"] is not None:
        line += f"; served {model['window_closed_to_served_s']:.1f} s after its window closed"
    return line


def _reason_text(model: Mapping[str, Any]) -> str:
    return f" ({reason_text(model['reason'])})" if model["reason"] else ""


def _metrics_text(part: Mapping[str, Any]) -> str:
    precision, recall, base_rate = (number(part[name]) for name in ("precision", "recall", "base_rate"))
    return f"precision {precision} at recall {recall} (base rate {base_rate})"
