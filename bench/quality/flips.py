"""After the edge has turned: how soon do models score by the new edge?

The models that count are numbered from 1: number 1 is that of the first window which holds a row placed at or after the
flip, however few. Each is judged on the rows of the next full window that were placed after its own closed, by the
correlation of its scores with the new edge. So

- at the usual step, numbers 1, 2 and 3 are the first three windows that close with anything to learn from;
- at a tenth of it, numbers 1 to 10 close within one window's rows of the flip, and each has a tenth more of new rows.

A model that is not made, or whose scores are all one, is no positive correlation.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import dropwhile, islice
from typing import Any

from bench.quality.streams import bent, flipped, windows
from bench.quality.trained import candidate_of, likeness
from services.trainer.dataset.rows import Rows
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tidewheel.domain.models import Model

STEPS = 10
Likeness = float | None


@dataclass
class SinceFlip:
    """Correlations with the new edge, one entry a model: before the flip, and from number 1 on."""

    flip_s: int
    before: list[Likeness] = field(default_factory=list)
    since: list[Likeness] = field(default_factory=list)

    def add(self, window: Window, model: Model | None, later: Rows) -> None:
        """Take in the next window's model, or that there is none."""
        found = likeness_to_new(model, later)
        (self.since if flipped(window.rows, self.flip_s).any() else self.before).append(found)

    def figures(self) -> dict[str, Any]:
        return {"before_flip": rounded(self.before), "since_flip": rounded(self.since), "first": first(self.since)}


def likeness_to_new(model: Model | None, later: Rows) -> Likeness:
    """Correlation of a model's scores with the edge as it is after the flip."""
    return likeness(model, later.features, -bent(later.features)) if model is not None and len(later) > 1 else None


def first(since: list[Likeness]) -> int | None:
    """The number of the first model whose correlation is positive."""
    return next((number for number, one in enumerate(since, 1) if one is not None and one > 0), None)


def by_steps(seed: int, edge: float, config: TrainingConfig, flip_s: int) -> dict[str, Any]:
    """The models of the windows that close each tenth of a window, over the first window of rows after the flip."""
    step = config.window // STEPS
    stepping = TrainingConfig(window=config.window, step=step)
    stream = windows(seed, edge, config.window, step=step, flip_s=flip_s, memory=config.memory)
    turned = dropwhile(lambda window: not flipped(window.rows, flip_s).any(), stream)
    since = [likeness_to_new(model, later) for model, later in _followed(islice(turned, 2 * STEPS), stepping)]
    return {"step": step, "since_flip": rounded(since), "first": first(since)}


def rounded(values: list[Likeness]) -> list[Likeness]:
    return [None if one is None else round(one, 3) for one in values]


def _followed(stream: Iterator[Window], config: TrainingConfig) -> Iterator[tuple[Model | None, Rows]]:
    """The models of the first ten windows, each with the rows of the full window after its own. A window is let go once
    its model is made: twenty of them would be half a gigabyte."""
    waiting: deque[tuple[Model | None, int, int]] = deque()
    for number, window in enumerate(stream):
        rows = window.rows
        if number >= STEPS:
            model, last_seq, closed_ns = waiting.popleft()
            assert rows.example_seq[0] == last_seq + 1
            yield model, rows.take(rows.placed_ns > closed_ns)
        else:
            made = candidate_of(window, config)
            waiting.append((made.model if made else None, int(rows.example_seq[-1]), int(rows.resolved_ns.max())))
