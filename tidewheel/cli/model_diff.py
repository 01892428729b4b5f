"""Two models side by side, as values and as text. Pure."""

from dataclasses import asdict
from typing import Any

import numpy as np
from rich.console import Group
from rich.text import Text

from tidewheel.cli.tables import FittedTable, separated
from tidewheel.domain.features import FEATURE_NAMES
from tidewheel.domain.models import Float64, Model, ModelRecord
from tidewheel.presentation.numbers import NONE, number

ModelWithRecord = tuple[Model, ModelRecord]
CHANGES_SHOWN = 10


def difference_dict(one: ModelWithRecord, other: ModelWithRecord) -> dict[str, Any]:
    """What differs, as JSON: a pair for each figure and setting, and the weights that changed most."""
    return {
        "seq": [one[0].seq, other[0].seq],
        "sha256": [one[1].sha256, other[1].sha256],
        "same_weights": bool(np.array_equal(weights(one[0]), weights(other[0]))),
        "weights_cosine": cosine(weights(one[0]), weights(other[0])),
        "figures": {name: [mine, theirs] for name, mine, theirs in figures(one, other)},
        "settings": {name: [mine, theirs] for name, mine, theirs in settings(one, other)},
        "changed_most": [
            {"name": name, "weights": [mine, theirs]} for name, mine, theirs in changed_most(one[0], other[0])
        ],
    }


def difference(one: ModelWithRecord, other: ModelWithRecord) -> Group:
    """The same for people."""
    titles = ["", f"model {one[0].seq}", f"model {other[0].seq}"]
    figure_lines = [[name, number(mine), number(theirs)] for name, mine, theirs in figures(one, other)]
    setting_lines = [[name, _text(mine), _text(theirs)] for name, mine, theirs in settings(one, other)]
    changes = [[name, f"{mine:+.5f}", f"{theirs:+.5f}"] for name, mine, theirs in changed_most(one[0], other[0])]
    alike = cosine(weights(one[0]), weights(other[0]))
    return separated(
        (
            FittedTable(titles, figure_lines),
            FittedTable(titles, setting_lines),
            Text(
                f"weights: cosine {number(alike)}; not zero "
                f"{np.count_nonzero(weights(one[0]))} and {np.count_nonzero(weights(other[0]))} of {len(FEATURE_NAMES)}"
            ),
            Group(Text("changed most, for a dollar of the feature"), FittedTable(titles, changes))
            if changes
            else Text("equal weights"),
        )
    )


def figures(one: ModelWithRecord, other: ModelWithRecord) -> list[tuple[str, float | None, float | None]]:
    """Threshold, base rate and what the parts and the next window say."""
    return [
        (name, mine, theirs)
        for (name, mine), (_, theirs) in zip(_metrics(*one).items(), _metrics(*other).items(), strict=True)
    ]


def _metrics(model: Model, record: ModelRecord) -> dict[str, float | None]:
    card = record.scorecard
    return {
        "threshold": model.threshold,
        "intercept": model.intercept,
        "effective rows": model.effective_rows,
        "base rate": model.base_rate,
        "windows remembered": sum(one.weight for one in model.lineage.memory),
        "validation precision": model.validation.precision if model.validation.rows else None,
        "validation recall": model.validation.recall if model.validation.rows else None,
        "test precision": model.test.precision if model.test.rows else None,
        "test recall": model.test.recall if model.test.rows else None,
        "test log loss": model.test.log_loss if model.test.rows else None,
        "next precision": card.precision if card else None,
        "next recall": card.recall if card else None,
        "next base rate": card.base_rate if card else None,
    }


def settings(one: ModelWithRecord, other: ModelWithRecord) -> list[tuple[str, Any, Any]]:
    """The winning settings."""
    mine, theirs = asdict(one[0].hyperparameters), asdict(other[0].hyperparameters)
    return [(name, mine[name], theirs[name]) for name in mine]


def weights(model: Model) -> Float64:
    """Change of the score's logit for one unit of each feature, so that models of other normalisations compare."""
    return model.coefficients / model.std


def cosine(mine: Float64, theirs: Float64) -> float | None:
    """None where one of them is all zeros."""
    lengths = float(np.linalg.norm(mine) * np.linalg.norm(theirs))
    return float(mine @ theirs) / lengths if lengths else None


def changed_most(one: Model, other: Model) -> list[tuple[str, float, float]]:
    """The features whose weights differ most, the most first; none where all are equal."""
    mine, theirs = weights(one), weights(other)
    change = np.abs(mine - theirs)
    order = np.argsort(-change, kind="stable")[:CHANGES_SHOWN]
    return [(FEATURE_NAMES[at], float(mine[at]), float(theirs[at])) for at in order.tolist() if change[at] > 0]


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value) if value is not None else NONE
