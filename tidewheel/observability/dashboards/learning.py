"""How training goes, and what models are worth on rows that came later."""

from collections.abc import Mapping

from tidewheel.observability.dashboards.panels import (
    BLUE,
    GREEN,
    GREY,
    INSTRUMENT,
    OF_INSTRUMENT,
    RED,
    YELLOW,
    Dashboard,
    Kind,
    Panel,
    Query,
    Row,
    Unit,
    nonzero,
    rate,
)
from tidewheel.observability.queries import newest

# Of metric tidewheel_training_step.
STEPS = {
    0: ("none yet", "text"),
    1: ("window closed", "light-blue"),
    2: ("validated", "light-blue"),
    3: ("split", "light-blue"),
    4: ("trials", "blue"),
    5: ("selected", "dark-blue"),
    6: ("gate", "dark-blue"),
    7: ("published", GREEN),
    8: ("refused", YELLOW),
    9: ("failed", RED),
}
# What lies beyond says no more, and would make all else flat.
E_VALUES = f"clamp({newest(f'tidewheel_e_value{{{INSTRUMENT}}}', 'instrument, side')}, 0.01, 10000)"
INTERESTING: Mapping[float, str] = {20: YELLOW, 100: GREEN}


def of(metric: str, more: str = "") -> str:
    """A gauge of the instruments that are chosen."""
    return newest(f"{metric}{{{INSTRUMENT}{more}}}")


def since_start(share: float, histogram: str) -> str:
    """A quantile of what happens too seldom for a rate."""
    return f"histogram_quantile({share:g}, sum by (le) ({histogram}_bucket))"


RUNS = Row(
    "Runs",
    (
        Panel(
            "What does training do?",
            Unit.COUNT,
            "Runs follow one another, and most end in green. Yellow without end: the gate refuses, and says why.",
            "ModelOverdue",
            (Query(of("tidewheel_training_step"), "{{instrument}}"),),
            Kind.STATES,
            width=12,
            words=STEPS,
        ),
        Panel(
            "How do runs end?",
            Unit.RUNS_PER_MINUTE,
            "Published, or refused as not proven or worse than what serves. Failed is never right.",
            "ModelOverdue",
            (
                Query(
                    nonzero(f"60 * {rate(f'tidewheel_training_runs_total{{{INSTRUMENT}}}', 'verdict, reason')}"),
                    "{{verdict}} {{reason}}",
                ),
            ),
            Kind.BARS,
            width=12,
            least=0,
            colours={"published": GREEN, "refused": YELLOW, "failed": RED},
        ),
        Panel(
            "How full is the window?",
            Unit.COUNT,
            "A saw: it fills, closes and begins anew. A flat line gets no labels.",
            "LabelsBehind",
            (Query(of("tidewheel_window_rows"), "{{instrument}}"),),
            width=6,
            least=0,
        ),
        Panel(
            "Do windows wait?",
            Unit.COUNT,
            "0, and now and then 1. Reading pauses where two wait: the trainer is slower than the market.",
            "TrainingStalled",
            (Query("sum(tidewheel_windows_waiting)", "waiting"),),
            width=6,
            least=0,
            reach=(0, 2),
            decimals=0,
        ),
        Panel(
            "How long from window to model?",
            Unit.SECONDS,
            "Since the start. Shorter than a window takes to fill.",
            "TrainingStalled",
            (
                Query(since_start(0.5, "tidewheel_window_closed_to_published_seconds"), "p50"),
                Query(since_start(0.9, "tidewheel_window_closed_to_published_seconds"), "p90"),
                Query(since_start(0.9, "tidewheel_tuning_duration_seconds"), "p90 of the search"),
            ),
            width=6,
            least=0,
        ),
        Panel(
            "How well do trials of the search score?",
            Unit.COUNT,
            "The best above 0 and above the last: the search finds something. What is not feasible lies below 0.",
            "ModelOverdue",
            (Query(newest(f"tidewheel_trial_score{{{INSTRUMENT}}}", "instrument, which"), "{{instrument}} {{which}}"),),
            width=6,
        ),
    ),
)
NEXT_WINDOW = Row(
    "What models are worth on later rows",
    (
        Panel(
            "Is precision above the base rate?",
            Unit.RATIO,
            "Precision stays above the base rate, and above the online baseline, or tuning was for nothing.",
            "EdgeGone",
            (
                Query(of("tidewheel_next_window_precision"), "{{instrument}} precision"),
                Query(of("tidewheel_next_window_base_rate"), "{{instrument}} base rate"),
                Query(of("tidewheel_baseline_precision"), "{{instrument}} online baseline"),
            ),
            width=12,
            least=0,
            most=1,
            colours={"precision": GREEN, "base rate": GREY, "baseline": BLUE},
        ),
        Panel(
            "How much of what pays is found?",
            Unit.RATIO,
            "Recall well above 0, and a share of flagged rows far from 0 and 1: near those the model chooses nothing.",
            "EdgeGone",
            (
                Query(of("tidewheel_next_window_recall"), "{{instrument}} recall"),
                Query(of("tidewheel_next_window_flagged_share"), "{{instrument}} flagged"),
            ),
            width=12,
            least=0,
            most=1,
            colours={"recall": GREEN, "flagged": BLUE},
        ),
        Panel(
            "Is there an edge, and does it pay the spread?",
            Unit.COUNT,
            "A bettor's wealth by the flags, gross and net, up to 10,000: 20 is weak, 100 strong evidence, 1 none.",
            "EdgeGone",
            (Query(E_VALUES, "{{instrument}} {{side}}"),),
            width=12,
            steps=INTERESTING,
            first_colour="text",
            lines=True,
            log=True,
            least=0.01,
            most=10_000,
            colours={"gross": BLUE, "net": GREEN},
        ),
        Panel(
            "Do the models turn bad?",
            Unit.COUNT,
            "Wealth of the bettors against the models: low. At 50 they have drifted and learn anew.",
            "EdgeGone",
            (Query(of("tidewheel_drift_e_value"), "{{instrument}}"),),
            width=6,
            steps={50: RED},
            lines=True,
            least=0,
            reach=(0, 60),
        ),
        Panel(
            "On how many bets does the evidence rest?",
            Unit.COUNT,
            "It grows. Few bets say little, whatever the e-values are.",
            "EdgeGone",
            (Query(of("tidewheel_bets"), "{{instrument}}"),),
            width=6,
            least=0,
        ),
        Panel(
            "How far back does a model learn?",
            Unit.COUNT,
            "Earlier windows by weight: some in a steady market, 0 after one that has turned.",
            "EdgeGone",
            (Query(of("tidewheel_memory_windows"), "{{instrument}}"),),
            least=0,
        ),
        Panel(
            "What are the last models worth together?",
            Unit.RATIO,
            "Precision minus base rate, pooled: above 0. Around 0 there is no edge.",
            "EdgeGone",
            (Query(of("tidewheel_pooled_lift"), "{{instrument}}"),),
            reach=(-0.2, 0.4),
        ),
        Panel(
            "How much scratch space is in use?",
            Unit.BYTES,
            "Up and down with windows. It must not fill the disk.",
            "TrainingStalled",
            (Query("sum(tidewheel_scratch_bytes)", "scratch"),),
            least=0,
        ),
    ),
)
LEARNING = Dashboard(
    "tidewheel-learning",
    "Tidewheel: learning",
    "What does training do, and how do runs end? What are models worth on later rows, and is it proven?",
    (RUNS, NEXT_WINDOW),
    (OF_INSTRUMENT,),
)
