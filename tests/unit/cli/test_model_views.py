"""The table and the description of models, as people see them."""

import json
from dataclasses import replace

import pytest

from services.trainer.evidence import weigh
from tests.made_models import CARD, INSTRUMENT, a_model, published
from tidewheel.cli.model_views import Run, age, description, detailed_facts, facts, listing, table
from tidewheel.domain.account import Account
from tidewheel.domain.betting import Bettor
from tidewheel.domain.models import Baseline, CalibrationBin, Evidence, ModelRecord, Rival, Verdict
from tidewheel.registry.store import Doubt

NOW_NS = 1_700_000_000 * 10**9 + 7_300 * 10**9
BINS = (CalibrationBin(60, 12, 9.0), CalibrationBin(40, 28, 34.0), *[CalibrationBin(0, 0, 0.0)] * 8)
ACCOUNT = Account(Bettor((2e6,) * 5, (0.001,) * 5, 1_200))
SCORED = replace(CARD, calibration=BINS, baseline=Baseline(90, 36, 30, 15), account=ACCOUNT)
SERVING = Run(replace(published(3)[1], scorecard=SCORED), a_model(3), None, 2, False)
NOT_PROVEN = replace(published(4)[1], verdict=Verdict.REFUSED, reason="not_proven")
CANDIDATE = Run(NOT_PROVEN, a_model(4), None, None, True)
REFUSED = Run(ModelRecord(INSTRUMENT, 2, "", Verdict.REFUSED, "one_class", Evidence.NONE, 0), None, None, None, False)
DAMAGED = Run(published(1)[1], None, Doubt.GOLDEN, None, False)


def test_a_line_a_run() -> None:
    lines = listing([CANDIDATE, SERVING, REFUSED, DAMAGED], NOW_NS).splitlines()
    cells = [line.split() for line in lines]
    figures = "0.500 0.500 0.620 0.320 0.630 0.330 0.600 0.300 0.400 0.500 >1,000,000 <0.01 2 h"
    assert cells[1][:4] == ["c", "4", "refused", "not_proven"]
    assert " ".join(cells[2]) == f"* 3 published – none {figures}"
    assert cells[3][:3] == ["2", "refused", "one_class"]
    assert "does not verify: golden" in lines[4]


def test_columns_line_up() -> None:
    text = table([["", "n", "word"], ["*", "5", "a"], ["", "123", "bcd"]])
    assert text.splitlines() == ["     n  word", "*    5  a", "   123  bcd"]


def test_a_model_in_full() -> None:
    text = description(SERVING, NOW_NS)
    for words in ("3 of sim:BTC-USD, serving at epoch 2", "20, of them 12 PROFIT", "0.000000005 on flagged rows"):
        assert words in text
    assert "use_bias" in text
    assert "last_example_seq   30000" in text
    assert "the candidate" in description(CANDIDATE, NOW_NS)
    assert "not judged yet" in description(CANDIDATE, NOW_NS)
    assert "mean score 0.430 where 0.400 were PROFIT; off by 0.090 within tenths" in text
    assert "precision 0.500 over base rate 0.400 of its 90 rows, a sample of the 100" in text
    assert "refused – one_class" in description(REFUSED, NOW_NS)
    assert "does not verify (golden)" in description(DAMAGED, NOW_NS)


def test_a_model_promoted_by_hand_keeps_its_verdict() -> None:
    serving = replace(CANDIDATE, epoch=3, is_candidate=False)
    assert listing([serving], NOW_NS).splitlines()[1].split()[:4] == ["*", "4", "refused", "not_proven"]
    assert "refused – not_proven, promoted by hand" in description(serving, NOW_NS)
    assert "by hand" not in description(CANDIDATE, NOW_NS) + description(SERVING, NOW_NS)
    assert (facts(serving)["verdict"], facts(serving)["current"]) == ("refused", True)


def test_the_model_that_served_stands_beside_it() -> None:
    rival = Rival(1, 25, 10)
    run = replace(SERVING, record=replace(SERVING.record, rival=rival))
    assert "model 1 there    25 flagged, of them 10 PROFIT" in description(run, NOW_NS)
    assert facts(run)["rival"] == {"seq": 1, "flagged": 25, "hits": 10}
    assert facts(SERVING)["rival"] is None


def test_facts_for_programs() -> None:
    given = facts(SERVING)
    assert (given["seq"], given["current"], given["next"]["precision"]) == (3, True, 0.6)
    assert given["test"]["recall"] == 0.33
    assert facts(REFUSED)["test"] is facts(REFUSED)["next"] is facts(REFUSED)["threshold"] is None
    assert facts(DAMAGED)["unverified"] == "golden"
    assert detailed_facts(SERVING)["lineage"]["last_example_seq"] == 30_000


def test_the_pooled_record_in_words_and_facts() -> None:
    pooled = weigh([SCORED] * 9)
    text = description(SERVING, NOW_NS, pooled)
    assert "evidence, of the models before it\n  9 models on their next windows: precision 0.600 (" in text
    assert "\n  Profit and loss +" in text
    assert "  calibration: mean score 0.430" in text
    assert "evidence, of" not in description(SERVING, NOW_NS)
    told = json.loads(json.dumps(detailed_facts(SERVING, pooled)))
    assert told["pooled"]["lift"]["value"] == pytest.approx(0.2)
    assert told["pooled"]["baseline"] == {"rows": 810, "positives": 324, "flagged": 270, "hits": 135}
    assert told["pooled"]["words"] == pooled.words
    assert told["next"]["calibration_error"] == pytest.approx(0.09)
    assert "calibration" not in told["next"]
    assert detailed_facts(REFUSED, pooled)["pooled"]["models"] == 9


def test_what_the_bettor_has_in_words_and_facts() -> None:
    pooled = weigh([SCORED] * 9)
    wealth = {"e_gross": pytest.approx(2e6), "e_net": pytest.approx(0.001), "bets": 1_200}
    told = json.loads(json.dumps(detailed_facts(SERVING, pooled)))
    assert told["next"]["wealth"] == told["pooled"]["wealth"] == wealth
    assert "account" not in told["next"] | told["pooled"]
    assert "evidence of an edge: strong, e = >1,000,000: a bettor who began with 1 on what the models" in pooled.words
    assert "bettor" in description(SERVING, NOW_NS)
    assert facts(replace(SERVING, record=published(3)[1]))["next"] is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_ages(seconds: int, words: str) -> None:
    assert age(seconds * 10**9) == words
