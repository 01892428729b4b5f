"""What is judged: a procedure is given the windows that have closed, and answers with a model or why there is none.

It is called once a window, in order, and may remember what it likes: a procedure is made anew for each stream. To add
one, name its factory in `PROCEDURES`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bench.quality import contenders
from bench.quality.contenders import Rule, Scores
from bench.quality.trained import candidate_or_why
from bench.quality.zoo.market import Market
from bench.quality.zoo.recipe import Recipe, Refused
from bench.quality.zoo.stream import Past
from services.trainer.dataset.rows import Rows
from services.trainer.modelling.no_model import NoModelError
from services.trainer.promotion import gate
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.memory import RememberedSample
from tidewheel.domain.models import Model, Scorer

__all__ = ["PROCEDURES", "Procedure", "Refused", "Told", "plain", "trainer"]

Procedure = Callable[[Past], Rule | Refused]


@dataclass
class Trainer:
    """The product's trainer as it serves under `promotion=fresh`: a run, then the gate beside the served model."""

    config: TrainingConfig
    served: Model | None = None
    remembered: list[RememberedSample] = field(default_factory=list)

    def __call__(self, past: Past) -> Rule | Refused:
        before = self.remembered[-(self.config.memory - 1) :] if self.config.memory > 1 else []
        window = replace(past[-1], memory=tuple(before))
        self.remembered = [*before, window.remembered()]
        made = candidate_or_why(window, self.config)
        if isinstance(made, NoModelError):
            return Refused(made.reason.value)
        decision = gate.decide(made.holdout_model, self.served, made.test)
        if decision.reason is not None:
            return Refused(decision.reason.value)
        self.served = made.model
        return rule_of(made.model)


def rule_of(model: Model) -> Rule:
    scorer = Scorer.of(model)

    def scores(rows: Rows) -> Scores:
        return scorer.scores(rows.features)

    return Rule(scores, model.threshold)


@dataclass(frozen=True)
class Told:
    """Who is told when the market turned, and learns from what was placed since; before it turns, from all."""

    market: Market | None
    recipe: Recipe

    def __call__(self, past: Past) -> Rule | Refused:
        pieces = past.thinned(self.recipe.reach, self.recipe.every)
        since = [piece.take(which) for piece in pieces if (which := self._turned(piece)).any()]
        return self.recipe.model_of(since or pieces)

    def _turned(self, rows: Rows) -> NDArray[np.bool_]:
        turned = self.market.turned(rows.placed_ns) if self.market else None
        return np.zeros(len(rows), bool) if turned is None else turned


def trainer(size: int, _: Market | None) -> Procedure:
    return Trainer(TrainingConfig(window=size, step=size))


def plain(_: int, __: Market | None) -> Procedure:
    """Logistic regression of scikit-learn on the newest window alone, as `make quality` has it."""
    return lambda past: contenders.plain(past[-1].rows) or Refused("one_class")


def recipe(_: int, __: Market | None) -> Procedure:
    return Recipe()


def told(_: int, market: Market | None) -> Procedure:
    return Told(market, Recipe(reach=12))


PROCEDURES: dict[str, Callable[[int, Market | None], Procedure]] = {
    "trainer": trainer,
    "recipe": recipe,
    "plain": plain,
    "told": told,
}
