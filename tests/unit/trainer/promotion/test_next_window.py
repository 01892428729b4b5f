"""What a next window shows of a model, and what they need no model for."""

from dataclasses import replace

from services.trainer.promotion import scorecard
from services.trainer.promotion.next_window import NextWindowEvaluator
from services.trainer.windows.count_windows import Window
from tests.synthetic_models import make_model
from tests.synthetic_rows import market
from tidewheel.domain.models import Lineage, Model

SIZE = 250
MARKET = market(3, 1_200)


def a_window(seq: int) -> Window:
    return MARKET.window(seq, SIZE)


def model_of(window: Window) -> Model:
    rows = window.rows
    lineage = Lineage("examples", 0, int(rows.example_seq[0]), int(rows.example_seq[-1]), "{}", "")
    return replace(make_model(window.seq), last_resolved_ns=int(rows.resolved_ns.max()), lineage=lineage)


def test_a_finding_is_the_scorecard_with_the_baseline_on_its_rows() -> None:
    evaluator = NextWindowEvaluator(0.25)
    assert evaluator.update(a_window(1), None) is None
    model, following = model_of(a_window(1)), a_window(2)
    finding = evaluator.update(following, model)
    assert finding
    rows = scorecard.rows_after(model, following.rows)
    baseline = finding.card.baseline
    assert replace(finding.card, baseline=None) == scorecard.score(model, rows)
    assert finding.rows.example_seq.tolist() == rows.example_seq.tolist()
    assert baseline
    assert (baseline.rows, baseline.positives) == (finding.card.rows, finding.card.positives)
    assert f"{baseline.hits} right of {baseline.flagged} flagged, of {baseline.rows} rows" in finding.detail


def test_a_window_without_a_model_is_learnt_from_all_the_same() -> None:
    with_all, without = NextWindowEvaluator(0.25), NextWindowEvaluator(0.25)
    for seq in (1, 2):
        with_all.update(a_window(seq), model_of(a_window(seq - 1)) if seq > 1 else None)
        without.update(a_window(seq), None)
    model, following = model_of(a_window(2)), a_window(3)
    ours, theirs = with_all.update(following, model), without.update(following, model)
    assert ours
    assert theirs
    assert ours.card.baseline
    assert ours.card == theirs.card
