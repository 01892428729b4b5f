"""The zoo's runner: the reference recipe, what is judged and how it is reported, and a small run of it all."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bench.quality.contenders import Rule
from bench.quality.zoo import __main__ as zoo
from bench.quality.zoo import recipe, table
from bench.quality.zoo.families import HELD_OUT_FAMILIES, HELD_OUT_SEEDS, Made
from bench.quality.zoo.follow import follow
from bench.quality.zoo.procedures import Refused, Told
from bench.quality.zoo.recipe import Recipe
from bench.quality.zoo.store import columns_of
from bench.quality.zoo.stream import Past, Stream
from services.trainer.dataset.rows import Rows

SIZE = 1_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="module")
def pull(folder: Path) -> Stream:
    return Stream(columns_of(made_pull(), folder), SIZE)


def made_pull() -> Made:
    return Made("pull", 1, 5_400)


# ---- the recipe ----


def test_the_bins_tile_the_lags_and_widen() -> None:
    widths = np.diff(recipe.EDGES)
    assert (len(widths), recipe.EDGES[0], recipe.EDGES[-1]) == (27, 1, 601)
    assert widths[0] == 1
    assert widths[-1] == widths.max()


def test_weights_of_bins_spread_over_the_features_give_the_same_scores() -> None:
    chance = np.random.default_rng(1)
    features, weights = chance.standard_normal((20, 605)).astype(np.float32), chance.standard_normal(5 + 27)
    assert features @ recipe.over_features(weights) == pytest.approx(recipe.bins(features) @ weights)


def test_the_ridge_is_that_of_scikit_learn() -> None:
    chance = np.random.default_rng(1)
    inputs = chance.standard_normal((500, 6))
    label = (inputs[:, 0] + chance.standard_normal(500) > 0.5).astype(np.uint8)
    other = LogisticRegression(C=1 / (0.1 * 500), tol=1e-10, max_iter=1_000).fit(inputs, label)
    assert recipe.fitted(inputs, label, 0.1) == pytest.approx([*other.coef_[0], other.intercept_[0]], abs=1e-5)


def test_the_threshold_keeps_the_floor_and_flags_at_most_half() -> None:
    scores = np.arange(8.0)
    assert recipe.threshold(scores, np.array([0, 0, 0, 0, 1, 1, 1, 0])) == 4
    assert recipe.threshold(scores, np.array([0, 0, 0, 0, 0, 0, 0, 1])) == 7
    assert recipe.threshold(scores, np.array([1, 1, 1, 1, 0, 0, 0, 0])) == 4  # half of them, though no hit is there
    assert recipe.threshold(scores, np.array([1, 0, 0, 0, 0, 1, 0, 1])) == 7  # of equals, the fewest
    assert recipe.threshold(np.zeros(8), np.array([1, 0, 0, 0, 0, 1, 0, 1])) == np.inf


def test_a_strong_ridge_is_chosen_where_the_rows_say_nothing(pull: Stream) -> None:
    pieces = Past(pull, 6).thinned(6, 5)
    label = np.concatenate([piece.label for piece in pieces])
    noise = np.random.default_rng(1).standard_normal((len(label), 30))
    assert recipe.best_ridge(noise, label, pieces) == max(recipe.RIDGES)
    assert recipe.best_ridge((noise + 9 * label[:, np.newaxis]), label, pieces) == min(recipe.RIDGES)


def test_rows_that_know_the_future_of_those_held_out_do_not_train(pull: Stream) -> None:
    """A piece whose labels all reach into all others' leaves nothing to train on: the strongest ridge."""
    pieces = [replace(p, resolved_ns=np.full(len(p), 2**62)) for p in Past(pull, 6).thinned(6, 5)]
    label = np.concatenate([piece.label for piece in pieces])
    features = np.tile(label[:, np.newaxis].astype(float), 3)
    assert recipe.best_ridge(features, label, pieces) == max(recipe.RIDGES)


def test_the_recipe_makes_a_model_of_the_first_window_and_none_of_one_class(pull: Stream) -> None:
    made = Recipe()(Past(pull, 1))
    assert isinstance(made, Rule)
    assert 0 < made.flags(pull.window(0).rows).mean() <= 0.6
    losses = Stream(replace(pull.columns, label=np.zeros_like(pull.columns.label)), SIZE)
    assert Recipe()(Past(losses, 2)) == Refused("one_class")


class Given(Recipe):
    """Keeps what it is given."""

    def model_of(self, pieces: list[Rows]) -> Rule | Refused:
        given[:] = pieces
        return super().model_of(pieces)


given: list[Rows] = []


def test_who_is_told_of_the_turn_learns_from_what_was_placed_since_and_from_all_before(folder: Path) -> None:
    source = Made("flips", 1, 5_400)
    stream = Stream(columns_of(source, folder), SIZE)
    turned = [source.market.turned(stream.window(k).rows.placed_ns) for k in range(len(stream))]
    since = next(number for number, window in enumerate(turned) if window is not None and window.any())
    told = Told(source.market, Given(reach=12))
    assert isinstance(told(Past(stream, since)), Rule)
    assert sum(map(len, given)) == since * SIZE // 5
    told(Past(stream, since + 2))
    whole = sum(int(window[::5].sum()) for window in turned[: since + 2] if window is not None)
    assert sum(map(len, given)) == whole < 2 * SIZE // 5
    assert all((rows.placed_ns >= source.market.start_s * 10**9 + 2_700 * 10**9).all() for rows in given)


# ---- what is judged ----


def knows(rows: Rows) -> np.ndarray:
    return made_pull().market.truth(rows.features, rows.placed_ns)


def test_who_scores_by_the_truth_is_like_it_and_who_refuses_stands_by_the_last(pull: Stream) -> None:
    def now_and_then(past: Past) -> Rule | Refused:
        return Rule(knows, 0.01) if len(past) % 2 else Refused("even")

    found = follow(pull, made_pull().market, {"one": now_and_then, "all": lambda past: Rule(knows, 0.01)}, 8)
    one, always = found["one"], found["all"]
    judged = found["windows"]
    assert always["windows"] == judged > one["windows"] > 0
    assert (one["served"], one["refused"]) == (0.5, {"even": 4})
    assert (one["standing_lift"], always["standing_lift"]) == (always["lift"], always["lift"])
    assert always["truth_lift"] == found["truth"]["lift"] != one["truth_lift"]
    assert one["correlation"] == 1.0
    assert found["truth"]["flagged"] > 0
    assert "turned_after" not in one


def test_only_rows_placed_after_the_window_closed_are_judged(pull: Stream) -> None:
    closed_ns, judged = 0, 0

    def made(past: Past) -> Rule:
        nonlocal closed_ns
        closed_ns = int(past[-1].rows.resolved_ns.max())
        return Rule(watching, 1.0)

    def watching(rows: Rows) -> np.ndarray:
        nonlocal judged
        judged += len(rows)
        assert rows.placed_ns.min() > closed_ns
        return np.zeros(len(rows))

    found = follow(pull, made_pull().market, {"one": made}, 9)
    assert 0 < found["windows"] <= 9
    assert found["one"]["served"] == 1
    assert found["one"]["correlation"] is None
    assert judged > SIZE


def test_after_a_flip_windows_are_counted_until_the_score_turns(folder: Path) -> None:
    source = Made("flips", 1, 5_400)
    stream = Stream(columns_of(source, folder), SIZE)
    turned = [bool(source.market.turned(stream.window(k).rows.placed_ns).any()) for k in range(len(stream) - 1)]  # type: ignore[union-attr]
    since = turned.index(True)
    assert 0 < since < len(turned) - 3

    def old(rows: Rows) -> np.ndarray:
        early = np.full(len(rows), source.market.start_s * 10**9)
        return source.market.truth(rows.features, early)

    def late(past: Past) -> Rule:
        """By the old edge until the second window that knows the new one, then by the new."""
        sign = 1 if len(past) < since + 3 else -1
        return Rule(lambda rows: sign * old(rows), 0.0)

    found = follow(stream, source.market, {"late": late, "old": lambda past: Rule(old, 0.0)}, 99)
    assert found["late"]["turned_after"] == 3
    assert found["old"]["turned_after"] is None


@pytest.mark.parametrize(("family", "least", "most"), [("constant_spread", 0.2, 0.8), ("chance_walk", -0.15, 0.15)])
def test_the_planted_function_finds_what_is_planted_and_nothing_in_chance(
    family: str, least: float, most: float, folder: Path
) -> None:
    """Both scored by the function of the one: three hours, some eighty independent labels."""
    known = Made("constant_spread", 3, 3 * 3_600).market
    stream = Stream(columns_of(Made(family, 3, 3 * 3_600), folder), 3_000)
    found = follow(stream, known, {}, 99)
    assert least < found["truth"]["lift"] < most


def test_chance_has_no_truth(folder: Path) -> None:
    source = Made("chance_walk", 1, 1_800)
    found = follow(Stream(columns_of(source, folder), SIZE), source.market, {}, 2)
    assert found["truth"] is None
    assert 0 < found["base_rate"] < 1


# ---- the report ----


def a_run(family: str, truth: float | None, lift: float, **others: Any) -> dict[str, Any]:
    known = None if truth is None else {"lift": truth, "share_in_range": 0.9}
    judged = {"lift": lift, "standing_lift": lift, "truth_lift": truth, "served": 0.5, "share_in_range": 0.7}
    one = {**judged, "correlation": None, "window_s": 0.1, **others}
    return {"zoo": family, "truth": known, "base_rate": 0.4, "one": one}


RUNS = [
    a_run("pull", 0.4, 0.3),
    a_run("pull", 0.2, 0.3),
    a_run("flips", 0.4, 0.1, turned_after=2),
    a_run("flips", 0.4, 0.1, turned_after=3),
    a_run("flips", 0.4, 0.1, turned_after=None),
    a_run("chance_walk", None, -0.02),
]


def test_goals_are_means_of_families() -> None:
    found = list(table.goals("one", RUNS).values())
    assert found == [0.625, 0.25, 0.5, 0.5, -0.2, round(1 / 3, 4), -0.02]


def test_a_table_has_a_line_a_family() -> None:
    head, pull, flips, chance = table.lines("one", RUNS)
    assert pull.split()[:8] == ["pull", "2", "0.40", "0.30", "0.30", "1.00", "0.30", "0.30"]
    assert flips.split()[5] == "0.25"
    assert chance.split()[3] == "-"
    assert len({len(head), len(pull), len(flips), len(chance)}) == 1


def test_what_is_held_out_runs_only_when_asked_for() -> None:
    usual = zoo.tasks(zoo.parsed([]))
    families = {task.source.family: task.set for task in usual}
    assert {task.source.family for task in usual[: len(families)]} == set(families)
    assert not set(families) & set(HELD_OUT_FAMILIES)
    assert set(families.values()) == {"choosing"}
    kept_apart = zoo.tasks(zoo.parsed(["--held-out"]))
    assert {task.source.seed for task in kept_apart} == set(HELD_OUT_SEEDS)
    assert {task.source.family for task in kept_apart if task.set == "held out families"} == set(HELD_OUT_FAMILIES)
    for arguments in (["--seeds", "101"], ["--seeds", "1", "--held-out"], ["--family", HELD_OUT_FAMILIES[0]]):
        with pytest.raises(SystemExit):
            zoo.tasks(zoo.parsed(arguments))


def test_a_small_run_prints_its_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    families = ["--family", "pull", "--family", "chance_heavy", "--family", "recorded"]
    sizes = ["--seeds", "1-1", "--hours", "0.6", "--window", "1000", "--windows", "2", "--jobs", "1"]
    assert zoo.main([*families, *sizes, "--procedure", "plain", "--procedure", "trainer", "--cache", str(folder)]) == 0
    captured = capsys.readouterr()
    first, second, *rest = captured.out.splitlines()
    pull, chance = json.loads(first), json.loads(second)
    assert (pull["zoo"], pull["seed"], pull["set"], pull["windows"]) == ("pull", 1, "choosing", 2)
    assert set(pull["truth"]) >= {"lift", "recall", "share_in_range"}
    assert chance["truth"] is None
    for name in ("plain", "trainer"):
        assert pull[name]["served"] + sum(pull[name]["refused"].values()) / 2 == 1
    assert [json.loads(line)["procedure"] for line in rest if line.startswith("{")] == ["plain", "trainer"]
    assert "no folder of recorded files" in captured.err
