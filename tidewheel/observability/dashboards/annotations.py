"""What happens in an instant and explains what is seen after it: marked on every dashboard."""

from dataclasses import dataclass

from tidewheel.observability.dashboards.panels import RATE
from tidewheel.observability.queries import newest

# At the step before, or where a process was away then, the last that it showed.
BEFORE = "[$__range] offset $__interval"


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks where a query has a value: at the step of what happens and no other, since Grafana joins neighbouring steps
    to a region. `text`: with labels as `{{label}}`."""

    name: str
    expr: str
    colour: str
    text: str


def before(selector: str, by: str) -> str:
    """A gauge at the step before."""
    return newest(f"last_over_time({selector}{BEFORE})", by)


def rose(selector: str, by: str) -> str:
    """A counter is above what it was at the step before; one that is new where its process was there counts from
    nothing."""
    new = f"({selector} > 0 unless last_over_time({selector}{BEFORE})) and on (job, instance) (up offset $__interval)"
    return f"sum by ({by}) ({selector} - last_over_time({selector}{BEFORE}) > 0 or {new})"


def annotations(chosen: str) -> tuple[Annotation, ...]:
    """`chosen`: a matcher of instruments, empty for all."""
    serving, started = f"tidewheel_model_seq{{{chosen}}}", "process_start_time_seconds"
    # One that follows another at once is not marked: on small windows marks would hide what they explain.
    lately = f"max by (instrument) (changes({serving}[{RATE}] offset $__interval)) > 0"
    return (
        Annotation(
            "Swaps",
            f"{newest(serving)} != {before(serving, 'instrument')} unless {lately}",
            "blue",
            "{{instrument}} is served by another model",
        ),
        Annotation(
            "Models refused",
            rose(f'tidewheel_training_runs_total{{verdict!="published",{chosen}}}', "instrument, verdict, reason"),
            "yellow",
            "{{instrument}}: a run gave no model, {{verdict}}: {{reason}}",
        ),
        Annotation(
            "Swaps refused",
            rose(f"tidewheel_model_swap_failures_total{{{chosen}}}", "instrument, reason"),
            "red",
            "{{instrument}}: the predictor refuses a model: {{reason}}",
        ),
        Annotation(
            "Drifts",
            rose(f"tidewheel_drifts_total{{{chosen}}}", "instrument"),
            "orange",
            "{{instrument}}: the models have turned bad on later rows",
        ),
        Annotation(
            "Restarts",
            f"{newest(started, 'job')} > {before(started, 'job')}",
            "purple",
            "{{job}} started anew",
        ),
        Annotation(
            "Scenario steps",
            rose("tidewheel_scenario_steps_total", "scenario, step"),
            "green",
            "scenario {{scenario}}: {{step}}",
        ),
    )
