"""What happens in an instant and explains what is seen after it: marked on every dashboard."""

from dataclasses import dataclass

from tidewheel.observability.dashboards.panels import RATE
from tidewheel.observability.queries import grew


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks where a query has a value. `text`: with labels as `{{label}}`."""

    name: str
    expr: str
    colour: str
    text: str


def annotations(chosen: str) -> tuple[Annotation, ...]:
    """`chosen`: a matcher of instruments, empty for all."""
    return (
        Annotation(
            "Swaps",
            f"sum by (instrument) (changes(tidewheel_model_seq{{{chosen}}}[{RATE}])) > 0",
            "blue",
            "{{instrument}} is served by another model",
        ),
        Annotation(
            "Models refused",
            grew(
                f'tidewheel_training_runs_total{{verdict!="published",{chosen}}}', "instrument, verdict, reason", RATE
            ),
            "yellow",
            "{{instrument}}: a run gave no model, {{verdict}}: {{reason}}",
        ),
        Annotation(
            "Swaps refused",
            grew(f"tidewheel_model_swap_failures_total{{{chosen}}}", "instrument, reason", RATE),
            "red",
            "{{instrument}}: the predictor refuses a model: {{reason}}",
        ),
        Annotation(
            "Drifts",
            grew(f"tidewheel_drifts_total{{{chosen}}}", "instrument", RATE),
            "orange",
            "{{instrument}}: the models have turned bad on later rows",
        ),
        Annotation(
            "Restarts",
            f"sum by (job) (changes(process_start_time_seconds[{RATE}])) > 0",
            "purple",
            "{{job}} started anew",
        ),
        Annotation(
            "Scenario steps",
            grew("tidewheel_scenario_steps_total", "scenario, step", RATE),
            "green",
            "scenario {{scenario}}: {{step}}",
        ),
    )
