"""Made runs to report on: whole ones, ended ones, and ones of which only half is known."""

from dataclasses import replace

import numpy as np

from tests.synthetic_models import CARD, make_model
from tests.unit.local.values import NAME, T0_NS, event, result, trial, whole_run
from tidewheel.domain.models import (
    Baseline,
    CalibrationBin,
    Champion,
    Confusion,
    CurvePoint,
    Evidence,
    Model,
    ModelRecord,
    PartMetrics,
    Verdict,
)
from tidewheel.domain.training import RunEvent, Step
from tidewheel.report.run_report import EvidenceSummary, RunSources

NOW_NS = T0_NS + 3600 * 10**9
BINS = tuple(CalibrationBin(10 * k, 4 * k, 10 * k * (k + 0.5) / 10) for k in range(10))
CURVE = (CurvePoint(0.9, 1.0, 0.05), CurvePoint(0.6, 0.625, 0.3), CurvePoint(0.1, 0.5, 1.0))
CONFIG = '{"criterion":{"recall_min":0.25},"procedure":3,"seed":1}'
JUDGED = replace(CARD, calibration=BINS, baseline=Baseline(80, 30, 20, 9))


def part(positives: int, hits: int, wrong: int, threshold: float = 0.6, rows: int = 200) -> PartMetrics:
    """A part of which `hits` + `wrong` rows are flagged."""
    counts = Confusion(threshold, hits, wrong, positives - hits, rows - positives - wrong)
    flagged = hits + wrong
    precision, recall = hits / flagged if flagged else 0.0, hits / positives if positives else 0.0
    return PartMetrics(
        *(rows, positives, precision, recall, 0.69, 0.55, positives / rows, 8.0),
        *(replace(counts, threshold=0.5), counts, replace(counts, threshold=0.75)),
        *(CURVE, BINS),
    )


def model(seq: int = 3) -> Model:
    made = make_model(seq, NAME)
    return replace(
        made,
        threshold=0.6,
        validation=part(100, 30, 18),
        test=part(90, 21, 33),
        first_placed_ns=T0_NS - 2000 * 10**9,
        last_resolved_ns=T0_NS - 10**9,
        lineage=replace(made.lineage, training_config=CONFIG),
    )


def record(
    seq: int = 3, verdict: Verdict = Verdict.PUBLISHED, reason: str = "", sha256: str = "ab" * 32
) -> ModelRecord:
    return ModelRecord(
        *(NAME, seq, sha256, verdict, reason, Evidence.WEAK, T0_NS + 3 * 10**9, JUDGED if sha256 else None),
        first_offset=20_007,
        last_offset=30_019,
        champion=Champion(2, 40, 18) if sha256 else None,
    )


def published(seq: int = 3) -> RunSources:
    """A run of which everything is known."""
    sentence = "5 models on their next windows: precision 0.560 at recall 0.300, base rate 0.440"
    return RunSources(
        *(NAME, seq, NOW_NS, (*timed(seq), event(seq, Step.SCORED, 400.0, scorecard=JUDGED)), record(seq), model(seq)),
        serving="This model serves now, at epoch 1.",
        before=EvidenceSummary(Evidence.WEAK, sentence),
        now=EvidenceSummary(Evidence.STRONG, sentence.replace("5", "9", 1)),
    )


def timed(seq: int) -> list[RunEvent]:
    """A whole run's events with the times a trainer would give them: a tenth of a second a step."""
    events = whole_run(seq)
    return [replace(one, at_ns=T0_NS + (at + 1) * 10**8) for at, one in enumerate(events[:-1])] + events[-1:]


def refused(seq: int = 3) -> RunSources:
    """A run that ended before it had any figure."""
    events = (
        event(seq, Step.WINDOW_CLOSED, 0.1),
        event(
            *(seq, Step.REFUSED, 0.2),
            reason="one_class",
            detail="the window is LOSS only: 10000 rows",
            result=result("refused", None),
        ),
    )
    return RunSources(NAME, seq, NOW_NS, events, record(seq, Verdict.REFUSED, "one_class", sha256=""))


def failed(seq: int = 3) -> RunSources:
    """A run that broke in the midst of its trials."""
    events = (
        *timed(seq)[:6],
        event(
            *(seq, Step.FAILED, 2.0),
            reason="training_error",
            detail="ValueError: <script>alert(1)</script> & so on",
            result=result("failed", None),
        ),
    )
    return RunSources(NAME, seq, NOW_NS, events, record(seq, Verdict.FAILED, "training_error", sha256=""))


def running(seq: int = 3) -> RunSources:
    """A run that goes on: three of ten trials are done."""
    return RunSources(
        NAME, seq, NOW_NS, tuple(timed(seq)[:6]), registry_error="The registry holds no record of this run."
    )


def log_only(seq: int = 3) -> RunSources:
    return replace(published(seq), record=None, model=None, registry_error="Redis is away.", before=None, now=None)


def registry_only(seq: int = 3) -> RunSources:
    return replace(published(seq), events=(), log_error="The log holds no events of this run.")


def record_only(seq: int = 3) -> RunSources:
    return replace(registry_only(seq), model=None, model_error="The model's bytes are no longer kept.")


def vacant(seq: int = 3) -> RunSources:
    """A model that weighs nothing and flags nothing, its threshold beyond every score."""
    nothing = part(100, 0, 0, float("inf"))
    made = replace(
        model(seq),
        threshold=float("inf"),
        coefficients=np.zeros(605),
        validation=nothing,
        test=replace(nothing, curve=(), calibration=()),
    )
    card = replace(JUDGED, flagged=0, hits=0, precision=0.0, recall=0.0, flagged_pnl_e9=0)
    return replace(published(seq), model=made, record=replace(record(seq), scorecard=card))


def one_trial(seq: int = 3, objective: float = -0.5) -> RunSources:
    only = replace(trial(1, objective, False), of=1)
    return RunSources(NAME, seq, NOW_NS, (event(seq, Step.TRIAL, 1.0, trial=only, trials_planned=1),))


EVERY = {
    one.__name__: one
    for one in (published, refused, failed, running, log_only, registry_only, record_only, vacant, one_trial)
}
