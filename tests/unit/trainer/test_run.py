"""One window to one model: the same bytes each time, the reason where there is none, and no leak."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.reasons import FAILURES, NoModel, RunReason, verdict_of
from services.trainer.rows import Rows
from services.trainer.run import Candidate, make
from services.trainer.split import split
from tests import made_rows
from tidewheel.contracts.codecs.models import decode_model
from tidewheel.domain.models import Scorer, Verdict
from tidewheel.domain.training import RunEvent, Step
from tidewheel.registry.verify import Expected, verify

SIZE = 2000
CONFIG = TrainingConfig(window=SIZE, step=SIZE, trials=4)


@cache
def a_market(edge: float = 0.4) -> made_rows.Market:
    return made_rows.market(5, 2 * SIZE // made_rows.PER_SECOND + 100, edge)


@cache
def a_window(edge: float = 0.4) -> Window:
    return a_market(edge).window(1, SIZE)


def changed(change: Callable[[Rows], Rows]) -> Window:
    window = a_window()
    copied = Rows(*(column.copy() for column in window.rows.columns()))
    return replace(window, rows=change(copied))


def made(window: Window, config: TrainingConfig = CONFIG) -> tuple[Candidate, list[RunEvent]]:
    events: list[RunEvent] = []
    return make(window, config, events.append), events


def refusal(window: Window) -> tuple[RunReason, list[Step]]:
    events: list[RunEvent] = []
    with pytest.raises(NoModel) as caught:
        make(window, CONFIG, events.append)
    return caught.value.reason, [event.step for event in events]


def test_the_golden_row_is_one_that_tells_coefficients_apart() -> None:
    model = decode_model(made(a_window())[0].model_bytes)
    rows = split(a_window().rows)
    scores = Scorer.of(model).scores(a_window().rows.features[rows.test])
    assert abs(model.golden_score - 0.5) == np.abs(scores - 0.5).min()


def test_the_model_is_complete_and_verifies() -> None:
    candidate, _ = made(a_window())
    model = verify(candidate.model_bytes, Expected(made_rows.INSTRUMENT, 1, candidate.sha256))
    assert model.validation.recall >= 0.25
    assert model.threshold == model.validation.at_threshold.threshold == model.test.at_threshold.threshold
    assert model.base_rate == model.test.base_rate
    assert model.lineage.topic == "examples"
    assert (model.lineage.first_example_seq, model.lineage.last_example_seq) == (1, SIZE)
    assert json.loads(model.lineage.training_config)["trials"] == 4
    rows = a_window().rows
    assert (model.first_placed_ns, model.last_resolved_ns) == (rows.placed_ns.min(), rows.resolved_ns.max())
    assert 1 < model.effective_rows < SIZE / 5


def test_stated_figures_are_those_of_the_scores_a_predictor_gives() -> None:
    candidate, _ = made(a_window())
    model, test = decode_model(candidate.model_bytes), candidate.test
    flags = Scorer.of(model).scores(test.features) >= model.threshold
    assert model.test.rows == len(test)
    assert model.test.at_threshold.true_positives == int((flags & (test.label == 1)).sum())
    assert model.test.at_threshold.false_positives == int((flags & (test.label == 0)).sum())


def test_steps_go_out_in_order() -> None:
    _, events = made(a_window())
    steps = [event.step for event in events]
    assert steps == [Step.VALIDATED, Step.SPLIT, *[Step.TRIAL] * 4, Step.SELECTED]
    assert {(event.instrument, event.seq) for event in events} == {(made_rows.INSTRUMENT, 1)}
    split = events[1].split
    assert split is not None
    assert split.training + split.validation + split.test + split.purged == SIZE
    selected, trials = events[-1].trial, [event.trial for event in events if event.step is Step.TRIAL]
    assert selected in trials


def test_the_same_window_gives_the_same_bytes() -> None:
    assert made(a_window())[0].model_bytes == made(a_window())[0].model_bytes


def test_the_bytes_depend_on_the_configuration_and_the_window() -> None:
    plain = made(a_window())[0].sha256
    assert made(a_window(), replace(CONFIG, seed=2))[0].sha256 != plain
    assert made(replace(a_window(), seq=2))[0].sha256 != plain
    assert made(replace(a_window(), instrument="sim:OTHER"))[0].sha256 != plain


FRESH_PROCESS = """
import services.trainer.__main__
from tests import made_rows
from services.trainer.config import TrainingConfig
from services.trainer.run import make
market = made_rows.market(5, 900, 0.4)
config = TrainingConfig(window=2000, step=2000, trials=4)
print(make(market.window(1, 2000), config, lambda event: None).sha256)
"""


def test_fresh_processes_give_the_same_bytes() -> None:
    root = Path(__file__).parents[3]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FRESH_PROCESS],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("0", "1")
    ]
    said = {process.communicate(timeout=120)[0].strip() for process in processes}
    assert len(said) == 1
    assert len(said.pop()) == 64


def test_one_class() -> None:
    window = changed(lambda rows: replace(rows, label=np.zeros_like(rows.label)))
    assert refusal(window) == (RunReason.ONE_CLASS, [])


@pytest.mark.parametrize("part", ["training", "validation", "test"])
def test_one_class_in_a_part_ends_the_run_before_tuning(part: str) -> None:
    bounds = {"training": (0, 1400), "validation": (1400, 1700), "test": (1700, 2000)}[part]

    def one_class(rows: Rows) -> Rows:
        order = np.lexsort((rows.order_id, rows.placed_ns))[slice(*bounds)]
        rows.label[order] = 1
        return rows

    assert refusal(changed(one_class)) == (RunReason.ONE_CLASS, [Step.VALIDATED, Step.SPLIT])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_not_finite(value: float) -> None:
    def broken(rows: Rows) -> Rows:
        rows.features[77, 300] = value
        return rows

    assert refusal(changed(broken)) == (RunReason.NOT_FINITE, [])


def test_lives_so_long_that_the_purge_leaves_nothing() -> None:
    def long_lived(rows: Rows) -> Rows:
        return replace(rows, resolved_ns=np.full_like(rows.resolved_ns, rows.resolved_ns.max()))

    assert refusal(changed(long_lived)) == (RunReason.TOO_FEW_ROWS, [Step.VALIDATED, Step.SPLIT])


def test_fewer_rows_than_a_mini_batch() -> None:
    def alternating(rows: Rows) -> Rows:
        few = rows.take(slice(0, 140))
        return replace(few, label=(np.arange(140) % 2).astype(np.uint8))

    assert refusal(changed(alternating)) == (RunReason.TOO_FEW_ROWS, [Step.VALIDATED, Step.SPLIT])


def test_constant_columns_only_tell_nothing_apart() -> None:
    window = changed(lambda rows: replace(rows, features=np.full_like(rows.features, 3.0)))
    reason, steps = refusal(window)
    assert reason is RunReason.NO_FEASIBLE_TRIAL
    assert steps[:2] == [Step.VALIDATED, Step.SPLIT]


def test_some_constant_columns_do_no_harm() -> None:
    def with_constants(rows: Rows) -> Rows:
        rows.features[:, 50:400] = 0.1
        return rows

    model = decode_model(made(changed(with_constants))[0].model_bytes)
    assert (model.std[50:400] == 1.0).all()
    assert (model.coefficients[50:400] == 0.0).all()


def test_an_edge_is_learnt() -> None:
    window, market = a_window(), a_market()
    model = made(window)[0].model
    later = market.part(SIZE, min(len(market), 2 * SIZE))
    planted = market.planted[SIZE : SIZE + len(later)]
    assert np.corrcoef(Scorer.of(model).scores(later.features), planted)[0, 1] > 0.5


def test_shuffled_labels_give_chance() -> None:
    """Where labels carry nothing, whatever is found on the test part is a leak."""
    found = []
    for seed in range(6):
        chance = np.random.default_rng(seed)
        window = changed(lambda rows, chance=chance: replace(rows, label=chance.permutation(rows.label)))
        found.append(made(window)[0].model.test.auc)
    assert np.mean(found) == pytest.approx(0.5, abs=0.03)


def test_a_planted_leak_is_visible() -> None:
    """A feature from the future shows at once: the figures of every part become too good to be true."""

    def leaking(rows: Rows) -> Rows:
        rows.features[:, 123] = rows.label + np.random.default_rng(1).normal(0, 0.05, len(rows))
        return rows

    honest, leaked = made(a_window())[0].model, made(changed(leaking))[0].model
    assert leaked.test.auc > 0.99 > honest.test.auc
    assert leaked.test.precision > 0.99
    assert int(np.abs(leaked.coefficients).argmax()) == 123


def test_profit_is_no_feature() -> None:
    window = changed(lambda rows: replace(rows, pnl_e9=rows.pnl_e9 * 0 + 12345))
    assert made(window)[0].model_bytes == made(a_window())[0].model_bytes


def test_verdicts_of_reasons() -> None:
    assert verdict_of(None) is Verdict.PUBLISHED
    assert {reason for reason in RunReason if verdict_of(reason) is Verdict.FAILED} == FAILURES
