"""Evidence: none on noise, strong where there is an edge, never from few models."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import metrics

from tidewheel.domain.account import Account
from tidewheel.domain.betting import Bettor
from tidewheel.domain.models import Baseline, CalibrationBin, Evidence, Scorecard
from tidewheel.evidence import pooling
from tidewheel.evidence.intervals import Interval
from tidewheel.evidence.pooled_scorecards import NO_SCORECARDS


def card(
    rows: int, positives: int, flagged: int, hits: int, effective: float = 30.0, flagged_pnl: int = 0, pnl: int = 0
) -> Scorecard:
    precision, recall, base = hits / max(flagged, 1), hits / max(positives, 1), positives / max(rows, 1)
    return Scorecard(rows, positives, flagged, hits, precision, recall, base, 0.7, effective, flagged_pnl, pnl)


def cards(seed: int, edge: float, count: int = 20, effective: int = 30) -> list[Scorecard]:
    """Windows whose rows come in blocks that share their outcome, with a flag rule that is right by `edge` more."""
    chance = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        base = chance.uniform(0.2, 0.6)
        flags = chance.random(effective) < 0.3
        labels = chance.random(effective) < np.where(flags, min(base + edge, 1.0), base)
        size = 100
        made.append(
            card(effective * size, labels.sum() * size, flags.sum() * size, (flags & labels).sum() * size, effective)
        )
    return made


def test_pooled_figures_by_hand() -> None:
    pooled = pooling.pool_scorecards([card(100, 40, 20, 12), card(300, 60, 30, 8), card(0, 0, 0, 0)])
    assert pooled.models == 2
    assert pooled.precision.value == pytest.approx(20 / 50)
    assert pooled.recall == pytest.approx(20 / 100)
    assert pooled.base_rate.value == pytest.approx(100 / 400)
    assert pooled.lift
    assert pooled.lift.value == pytest.approx(20 / 50 - 100 / 400)
    assert "2 models" in pooled.text


@given(
    st.lists(
        st.tuples(*[st.integers(0, 10**7)] * 4).map(lambda n: card(sum(n), n[0] + n[1], n[0] + n[2], n[0])), max_size=30
    )
)
def test_recall_is_that_of_rivers_running_counts(cards: list[Scorecard]) -> None:
    """To the last bit: hits, missed, false alarms and the rest, as weights."""
    counts = metrics.ConfusionMatrix()
    for one in [one for one in cards if one.rows][: pooling.MODELS_MAX]:
        missed, false = one.positives - one.hits, one.flagged - one.hits
        rest = one.rows - one.positives - false
        for real, flagged, count in (
            (True, True, one.hits),
            (True, False, missed),
            (False, True, false),
            (False, False, rest),
        ):
            if count:
                counts.update(real, flagged, w=count)
    assert pooling.pool_scorecards(cards).recall == metrics.Recall(cm=counts).get()


# Student's t from a table.
T_975_TWO_DEGREES, T_975_NINE_DEGREES = 4.303, 2.262


def test_the_interval_of_the_lift_is_the_wider_of_two() -> None:
    """Models all alike are still worth only two rows each; models of many rows that differ are not sure either."""
    alike = pooling.pool_scorecards([card(100, 40, 50, 25, effective=2.0)] * 10).lift
    reach = T_975_NINE_DEGREES * 0.5 * sqrt((1 / 2 * 1 / 2 + 1 / 3 * 2 / 3) / 10)
    assert alike
    assert (alike.value, alike.low, alike.high) == pytest.approx((0.1, 0.1 - reach, 0.1 + reach), abs=1e-3)
    unlike = pooling.pool_scorecards([*[card(100, 40, 50, 45, 1e6)] * 5, *[card(100, 40, 50, 5, 1e6)] * 5]).lift
    reach = T_975_NINE_DEGREES * sqrt(10 / 9 * 10) * 20 / 500
    assert unlike
    assert (unlike.value, unlike.low, unlike.high) == pytest.approx((0.1, 0.1 - reach, 0.1 + reach), abs=1e-3)


def test_the_intervals_of_precision_and_base_rate_are_those_of_their_effective_sizes_or_wider() -> None:
    one = pooling.pool_scorecards([card(1000, 400, 500, 250, effective=20.0)])
    # Wilson's bounds of 5 in 10 and of 8 in 20.
    assert (one.precision.low, one.precision.high) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert (one.base_rate.low, one.base_rate.high) == pytest.approx((0.2188, 0.6134), abs=1e-4)
    unlike = pooling.pool_scorecards([card(1000, 900, 500, 450, 1e6), card(1000, 100, 500, 50, 1e6)])
    assert (unlike.precision.low, unlike.precision.high) == (0.0, 1.0)
    assert pooling.pool_scorecards([card(100, 40, 0, 0)]).precision == Interval(0.0, 0.0, 1.0)


def test_profit_and_loss_an_order_by_hand() -> None:
    """Flagged orders earn 2, 4 and 6 each, all orders 1: a mean of 4 ± t · (2 / sqrt(3))."""
    cards = [card(100, 40, 10, 5, flagged_pnl=10 * mean, pnl=100) for mean in (2, 4, 6)]
    pnl = pooling.pool_scorecards(cards).pnl
    assert pnl
    assert (pnl.flagged_e9, pnl.order_e9) == (4.0, 1.0)
    reach = T_975_TWO_DEGREES * 2 / sqrt(3)
    assert pnl.difference_e9.value == 3.0
    assert (pnl.difference_e9.low, pnl.difference_e9.high) == pytest.approx((3 - reach, 3 + reach), abs=1e-2)
    assert "profit and loss +4e-09 an order flagged against +1e-09" in pooling.pool_scorecards(cards).text.lower()


def test_amounts_larger_than_an_integer_of_64_bits() -> None:
    cards = [card(100, 40, 10, 5, flagged_pnl=2**65, pnl=2**66)] * 3
    pnl = pooling.pool_scorecards(cards).pnl
    assert pnl
    assert pnl.flagged_e9 == pytest.approx(2**65 / 10)


def test_calibration_and_baselines_are_summed() -> None:
    bins = tuple(CalibrationBin(10 * i, i, 0.5) for i in range(10))
    cards = [
        replace(card(100, 40, 20, 12), calibration=bins, baseline=Baseline(90, 36, 30, 15)),
        replace(card(100, 40, 20, 12), calibration=bins, baseline=Baseline(10, 4, 10, 5)),
        card(100, 40, 20, 12),
    ]
    pooled = pooling.pool_scorecards(cards)
    assert pooled.calibration[3] == CalibrationBin(60, 6, 1.0)
    assert pooled.baseline == Baseline(100, 40, 40, 20)
    assert "online baseline has precision 0.500 over base rate 0.400 of its 100 rows" in pooled.text
    assert pooling.pool_scorecards([card(100, 40, 20, 12)]).baseline is None


def test_words_are_two_sentences_at_most() -> None:
    full = pooling.pool_scorecards([replace(card(100, 40, 20, 12), baseline=Baseline(90, 36, 30, 15))] * 9)
    assert full.text.count(". ") <= 1
    assert full.text.count("evidence of an edge: ") == 1
    assert pooling.pool_scorecards([card(100, 40, 20, 12)]).text.startswith(
        "1 model on its next window: precision 0.600"
    )


def test_nothing_judged_is_no_evidence() -> None:
    assert pooling.pool_scorecards([]) == NO_SCORECARDS
    assert pooling.pool_scorecards([card(0, 0, 0, 0)]).by_lift is Evidence.NONE
    assert "no model" in NO_SCORECARDS.text


@pytest.mark.parametrize("flagged", [0, 100])
def test_flagging_nothing_or_everything_is_no_evidence(flagged: int) -> None:
    assert pooling.pool_scorecards([card(100, 40, flagged, flagged * 40 // 100)] * 20).by_lift is Evidence.NONE


def test_few_models_are_never_enough() -> None:
    perfect = card(3000, 1000, 1000, 1000)
    found = [pooling.pool_scorecards([perfect] * count).by_lift for count in range(1, 10)]
    assert found[: pooling.WEAK_MODELS_MIN - 1] == [Evidence.NONE] * 4
    assert Evidence.STRONG not in found[: pooling.STRONG_MODELS_MIN - 1]
    assert found[-1] is Evidence.STRONG


def test_noise_is_seldom_taken_for_an_edge() -> None:
    found = [pooling.pool_scorecards(cards(seed, 0.0)).by_lift for seed in range(300)]
    assert found.count(Evidence.STRONG) / 300 <= 0.02
    assert (found.count(Evidence.STRONG) + found.count(Evidence.WEAK)) / 300 <= 0.13


def test_an_edge_is_found() -> None:
    found = [pooling.pool_scorecards(cards(seed, 0.3)).by_lift for seed in range(50)]
    assert found.count(Evidence.STRONG) >= 45


def test_an_edge_that_one_window_makes_is_none() -> None:
    """Between them the models differ so much that the mean says nothing."""
    lucky = [card(3000, 2900, 1000, 1000), *[card(3000, 600, 1000, 200)] * 9]
    assert pooling.pool_scorecards(lucky).by_lift is Evidence.NONE


def test_only_the_last_models_count() -> None:
    old_edge = cards(1, 0.4, 40)
    assert pooling.pool_scorecards([*cards(2, -0.1, 20), *old_edge]) == pooling.pool_scorecards(cards(2, -0.1, 20))


def wealthy(wealth: float) -> Scorecard:
    return replace(card(100, 40, 20, 12), account=Account(Bettor((wealth,) * 5, (0.4,) * 5, 120)))


@pytest.mark.parametrize(
    ("wealth", "says"),
    [(0.0, Evidence.NONE), (19.9, Evidence.NONE), (20.0, Evidence.WEAK), (99.9, Evidence.WEAK), (100, Evidence.STRONG)],
)
def test_evidence_is_what_the_bettor_has_now(wealth: float, says: Evidence) -> None:
    rich = [wealthy(1e6)] * 9
    assert pooling.pool_scorecards([wealthy(wealth), *rich]).evidence is says
    assert pooling.pool_scorecards([card(0, 0, 0, 0), wealthy(wealth), *rich]).evidence is says
    assert pooling.pool_scorecards([card(100, 40, 20, 12)] * 9).evidence is Evidence.NONE


def test_the_bettor_is_told_in_words() -> None:
    assert (
        "evidence of an edge: weak, e = 34: a bettor who began with 1 on what the models flagged, at fair odds, now "
        "has 34 after 120 bets (20 is weak evidence, 100 strong), and 0.4 where she pays the spread"
    ) in pooling.pool_scorecards([wealthy(34.2)] * 2).text
