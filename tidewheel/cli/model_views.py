"""What people and programs see of the registry's models: as JSON, and the same as text. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from tidewheel.cli.scorecard_views import (
    baseline_precision,
    pooled_lines,
    scorecard_fields,
)
from tidewheel.cli.tables import FittedTable, pairs, section, separated
from tidewheel.domain.models import Confusion, Lineage, Model, ModelRecord, PartMetrics, Verdict
from tidewheel.evidence.json_objects import JsonObject, part_object, pooled_object, run_object
from tidewheel.evidence.pooled_scorecards import PooledScorecards
from tidewheel.presentation.numbers import NONE, number, setting
from tidewheel.presentation.sentences import wealth_text
from tidewheel.presentation.times import age
from tidewheel.registry.store import VerificationFailure


@dataclass(frozen=True, slots=True)
class RegisteredRun:
    """One run of the history. `model` is None where none was made, is kept, or verifies;
    `verification_failure` says the last."""

    record: ModelRecord
    model: Model | None
    verification_failure: VerificationFailure | None
    epoch: int | None  # of the pointer that serves this model
    is_candidate: bool


def run_dict(run: RegisteredRun) -> JsonObject:
    """One run as JSON; names as in `--summary`."""
    record, model = run.record, run.model
    return {
        "instrument": record.instrument,
        **run_object(
            *(record.seq, record.sha256, record.verdict, record.reason, record.evidence), model, record.scorecard
        ),
        "champion": record.champion and asdict(record.champion),
        "published_at_ns": record.published_at_ns,
        "breaks": record.breaks,
        "current": run.epoch is not None,
        "candidate": run.is_candidate,
        "unverified": run.verification_failure,
    }


def run_details_dict(run: RegisteredRun, pooled: PooledScorecards | None = None) -> JsonObject:
    """All that is known of one run, but for the 605 weights; `pooled` is of the models before it."""
    model = run.model
    known = {**run_dict(run), "pooled": pooled and pooled_object(pooled)}
    if model is None:
        return known
    return {
        **known,
        "epoch": run.epoch,
        "training": part_object(model.training),
        "hyperparameters": asdict(model.hyperparameters),
        "lineage": asdict(model.lineage),
        "effective_rows": model.effective_rows,
        "first_placed_ns": model.first_placed_ns,
        "last_resolved_ns": model.last_resolved_ns,
        "schema_hash": model.schema_hash.hex(),
        "format_version": model.format_version,
        "intercept": model.intercept,
        "weights": len(model.coefficients),
        "weights_not_zero": int((model.coefficients != 0).sum()),
        "signed": bool(run.record.hmac_sha256),
    }


LIST_COLUMNS = (
    *("", "seq", "verdict", "reason", "evidence", "threshold", "base rate"),
    *("valid. P", "valid. R", "test P", "test R", "next P", "next R", "next base", "online P", "e", "e net", "age"),
)
# What a narrow terminal does without, the first first.
OMISSIBLE = ("valid. R", "valid. P", "test R", "test P", "online P", "base rate", "e net", "threshold", "age", "e")


def listing(runs: Sequence[RegisteredRun], now_ns: int) -> FittedTable:
    """A table, a line a run; P is precision, R recall. `*` serves, `c` is the candidate. `e`: what a bettor on the
    models, who began with 1, has once this one is judged; `e net`: where she pays the spread."""
    return FittedTable(LIST_COLUMNS, (_line(run, now_ns) for run in runs), ("reason",), OMISSIBLE)


def evidence_section(pooled: PooledScorecards | None, whose: str) -> Group | None:
    """The pooled record under a heading; None where there is none."""
    return section(f"evidence, {whose}", *map(Text, pooled_lines(pooled))) if pooled else None


def _line(run: RegisteredRun, now_ns: int) -> list[str]:
    record, model, card = run.record, run.model, run.record.scorecard
    own = (model.threshold, model.base_rate) if model else (None, None)
    parts = [
        (part.precision, part.recall) if part and part.rows else (None, None)
        for part in (model and model.validation, model and model.test)
    ]
    later = (card.precision, card.recall, card.base_rate) if card else (None, None, None)
    return [
        "*" if run.epoch is not None else "c" if run.is_candidate else "",
        str(record.seq),
        record.verdict,
        f"does not verify: {run.verification_failure}" if run.verification_failure else record.reason or NONE,
        record.evidence,
        *(number(value) for value in (*own, *parts[0], *parts[1], *later, baseline_precision(card))),
        *(
            (wealth_text(card.account.bettor.e_gross), wealth_text(card.account.bettor.e_net))
            if card and card.account
            else (NONE, NONE)
        ),
        age(now_ns - record.published_at_ns) if record.published_at_ns else NONE,
    ]


def description(run: RegisteredRun, now_ns: int, pooled: PooledScorecards | None = None) -> Group:
    """One run in full; `pooled` is of the models before it."""
    record, model = run.record, run.model
    served = (
        f", serving at epoch {run.epoch}" if run.epoch is not None else ", the candidate" if run.is_candidate else ""
    )
    head = {
        "model": f"{record.seq} of {record.instrument}{served}",
        "verdict": " – ".join(filter(None, (record.verdict, record.reason))) + _promoted_by_operator(run),
        "evidence": record.evidence,
        "sha256": record.sha256 or NONE,
        "age": age(now_ns - record.published_at_ns) if record.published_at_ns else NONE,
        "signed": "yes" if record.hmac_sha256 else "no",
        "breaks": f"{record.breaks:,}, of ten minutes or more between orders of its window"
        if record.breaks
        else "none",
    }
    evidence = evidence_section(pooled, "of the models before it")
    if model is None:
        why = (
            f"does not verify ({run.verification_failure})"
            if run.verification_failure
            else "none was made, or it is no longer kept"
        )
        return separated((pairs({**head, "bytes": why}), _scorecard(record), evidence))
    own = {
        "threshold": number(model.threshold, 6),
        "base rate": number(model.base_rate),
        "weights": f"{int((model.coefficients != 0).sum())} of {len(model.coefficients)} not zero",
        "intercept": number(model.intercept, 6),
        "effective rows": number(model.effective_rows, 1),
        "schema": model.schema_hash.hex(),
    }
    settings = {name: setting(value) for name, value in asdict(model.hyperparameters).items()}
    lineage = {name: str(value) or NONE for name, value in asdict(model.lineage).items()}
    lineage["memory"] = remembered(model.lineage)
    sections = (
        pairs({**head, **own}),
        _parts({"training": model.training, "validation": model.validation, "test": model.test}),
        _scorecard(record),
        evidence,
        section("hyperparameters", pairs(settings)),
        section("lineage", pairs(lineage)),
    )
    return separated(sections)


def remembered(lineage: Lineage) -> str:
    """The windows before its own that a model was shown, and how many of its own they are worth."""
    if not lineage.memory:
        return NONE
    effective = sum(one.weight for one in lineage.memory)
    return f"windows {lineage.memory[0].seq} to {lineage.memory[-1].seq}, worth {number(effective, 1)} like its own"


def _promoted_by_operator(run: RegisteredRun) -> str:
    """A model that was not published and serves was made to by a person; its run's verdict stays."""
    return ", promoted by hand" if run.epoch is not None and run.record.verdict is not Verdict.PUBLISHED else ""


PART_COLUMNS = (
    *("", "rows", "eff. rows", "base rate", "precision", "recall"),
    *("log loss", "AUC", "at 0.5", "at threshold", "at 0.75"),
)
PARTS_OMISSIBLE = ("at 0.75", "at 0.5", "AUC", "log loss")


def _parts(parts: dict[str, PartMetrics]) -> Group:
    lines = [
        [
            name,
            str(part.rows),
            number(part.effective_rows, 1),
            *(number(value) for value in (part.base_rate, part.precision, part.recall, part.log_loss, part.auc)),
            *(_counts(matrix) for matrix in (part.at_half, part.at_threshold, part.at_three_quarters)),
        ]
        for name, part in parts.items()
    ]
    table = FittedTable(PART_COLUMNS, lines, omissible=PARTS_OMISSIBLE)
    return Group(table, Text("(at a threshold: true and false positives, false and true negatives)"))


def _counts(matrix: Confusion) -> str:
    return "/".join(
        str(count)
        for count in (matrix.true_positives, matrix.false_positives, matrix.false_negatives, matrix.true_negatives)
    )


def _scorecard(record: ModelRecord) -> RenderableType | None:
    card = record.scorecard
    if card is None:
        return Text("next window: not judged yet") if record.sha256 else None
    return section("next window", pairs(scorecard_fields(card) | _champion(record)))


def _champion(record: ModelRecord) -> dict[str, str]:
    other = record.champion
    return {f"model {other.seq} there": f"{other.flagged} flagged, of them {other.hits} PROFIT"} if other else {}
