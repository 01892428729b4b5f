"""The table and the description of models, as people see them."""

import json
from dataclasses import replace

import pytest

from tests.synthetic_models import CARD, INSTRUMENT, make_model, published
from tidewheel.cli import model_views
from tidewheel.cli.model_views import RegisteredRun, run_details_dict, run_dict
from tidewheel.cli.tables import UNLIMITED, as_text
from tidewheel.domain.account import Account
from tidewheel.domain.betting import Bettor
from tidewheel.domain.models import Baseline, CalibrationBin, Champion, Evidence, ModelRecord, Verdict
from tidewheel.evidence.pooled_scorecards import PooledScorecards
from tidewheel.evidence.pooling import pool_scorecards
from tidewheel.registry.store import VerificationFailure

NOW_NS = 1_700_000_000 * 10**9 + 7_300 * 10**9
BINS = (CalibrationBin(60, 12, 9.0), CalibrationBin(40, 28, 34.0), *[CalibrationBin(0, 0, 0.0)] * 8)
ACCOUNT = Account(Bettor((2e6,) * 5, (0.001,) * 5, 1_200))
SCORED = replace(CARD, calibration=BINS, baseline=Baseline(90, 36, 30, 15), account=ACCOUNT)
SERVING = RegisteredRun(replace(published(3)[1], scorecard=SCORED), make_model(3), None, 2, False)
NOT_PROVEN = replace(published(4)[1], verdict=Verdict.REFUSED, reason="not_proven")
CANDIDATE = RegisteredRun(NOT_PROVEN, make_model(4), None, None, True)
REFUSED = RegisteredRun(
    ModelRecord(INSTRUMENT, 2, "", Verdict.REFUSED, "one_class", Evidence.NONE, 0), None, None, None, False
)
DAMAGED = RegisteredRun(published(1)[1], None, VerificationFailure.GOLDEN, None, False)


def listing(*runs: RegisteredRun, width: int = UNLIMITED) -> list[str]:
    return as_text(model_views.listing(runs, NOW_NS), width).splitlines()


def description(run: RegisteredRun, pooled: PooledScorecards | None = None) -> str:
    return as_text(model_views.description(run, NOW_NS, pooled))


def test_a_line_a_run() -> None:
    lines = listing(CANDIDATE, SERVING, REFUSED, DAMAGED)
    cells = [line.split() for line in lines]
    figures = "0.500 0.500 0.620 0.320 0.630 0.330 0.600 0.300 0.400 0.500 >1,000,000 <0.01 2 h"
    assert cells[1][:4] == ["c", "4", "refused", "not_proven"]
    assert " ".join(cells[2]) == f"* 3 published – none {figures}"
    assert cells[3][:3] == ["2", "refused", "one_class"]
    assert "does not verify: golden" in lines[4]


def test_a_narrow_terminal_gets_what_a_model_is_judged_by() -> None:
    lines = listing(CANDIDATE, SERVING, REFUSED, DAMAGED, width=80)
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:4] == ["seq", "verdict", "reason", "evidence"]
    assert "next P  next R  next base" in lines[0]
    assert "no room for: valid. R, valid. P" in " ".join(lines)


def test_a_model_in_full() -> None:
    text = description(SERVING)
    for words in ("3 of sim:BTC-USD, serving at epoch 2", "20, of them 12 PROFIT", "0.000000005 on flagged rows"):
        assert words in text
    assert "use_bias" in text
    assert "last_example_seq   30000" in text
    assert "the candidate" in description(CANDIDATE)
    assert "not judged yet" in description(CANDIDATE)
    assert "mean score 0.430 where 0.400 were PROFIT; off by 0.090 within tenths" in text
    assert "precision 0.500 over base rate 0.400 of its 90 rows, a sample of the 100" in text
    assert "refused – one_class" in description(REFUSED)
    assert "does not verify (golden)" in description(DAMAGED)


def test_a_model_promoted_by_hand_keeps_its_verdict() -> None:
    serving = replace(CANDIDATE, epoch=3, is_candidate=False)
    assert listing(serving)[1].split()[:4] == ["*", "4", "refused", "not_proven"]
    assert "refused – not_proven, promoted by hand" in description(serving)
    assert "by hand" not in description(CANDIDATE) + description(SERVING)
    assert (run_dict(serving)["verdict"], run_dict(serving)["current"]) == ("refused", True)


def test_the_model_that_served_stands_beside_it() -> None:
    champion = Champion(1, 25, 10)
    run = replace(SERVING, record=replace(SERVING.record, champion=champion))
    assert "model 1 there    25 flagged, of them 10 PROFIT" in description(run)
    assert run_dict(run)["champion"] == {"seq": 1, "flagged": 25, "hits": 10}
    assert run_dict(SERVING)["champion"] is None


def test_facts_for_programs() -> None:
    given = run_dict(SERVING)
    assert (given["seq"], given["current"], given["next"]["precision"]) == (3, True, 0.6)
    assert given["test"]["recall"] == 0.33
    assert run_dict(REFUSED)["test"] is run_dict(REFUSED)["next"] is run_dict(REFUSED)["threshold"] is None
    assert run_dict(DAMAGED)["unverified"] == "golden"
    assert run_details_dict(SERVING)["lineage"]["last_example_seq"] == 30_000


def test_the_pooled_record_in_words_and_facts() -> None:
    pooled = pool_scorecards([SCORED] * 9)
    text = description(SERVING, pooled)
    assert "evidence, of the models before it\n  9 models on their next windows: precision 0.600 (" in text
    assert "\n  Profit and loss +" in text
    assert "  calibration: mean score 0.430" in text
    assert "evidence, of" not in description(SERVING)
    rendered = json.loads(json.dumps(run_details_dict(SERVING, pooled)))
    assert rendered["pooled"]["lift"]["value"] == pytest.approx(0.2)
    assert rendered["pooled"]["baseline"] == {"rows": 810, "positives": 324, "flagged": 270, "hits": 135}
    assert rendered["pooled"]["text"] == pooled.text
    assert rendered["next"]["calibration_error"] == pytest.approx(0.09)
    assert "calibration" not in rendered["next"]
    assert run_details_dict(REFUSED, pooled)["pooled"]["models"] == 9


def test_what_the_bettor_has_in_words_and_facts() -> None:
    pooled = pool_scorecards([SCORED] * 9)
    wealth = {"e_gross": pytest.approx(2e6), "e_net": pytest.approx(0.001), "bets": 1_200}
    rendered = json.loads(json.dumps(run_details_dict(SERVING, pooled)))
    assert rendered["next"]["wealth"] == rendered["pooled"]["wealth"] == wealth
    assert "account" not in rendered["next"] | rendered["pooled"]
    assert "evidence of an edge: strong, e = >1,000,000: a bettor who began with 1 on what the models" in pooled.text
    assert "bettor" in description(SERVING)
    assert run_dict(replace(SERVING, record=published(3)[1]))["next"] is None


def test_the_json_of_a_model_that_flags_nothing_can_be_read_by_others() -> None:
    assert SERVING.model is not None
    run = replace(SERVING, model=replace(SERVING.model, threshold=float("inf")))
    assert json.loads(json.dumps(run_dict(run), allow_nan=False))["threshold"] is None
