"""The search: what each trial reached, in order, and which was chosen."""

from collections.abc import Sequence

from markupsafe import Markup

from tidewheel.domain.training import Trial
from tidewheel.presentation.typography import hyperparameter, number, threshold_text
from tidewheel.report.markup import joined
from tidewheel.report.run_report import RunReport
from tidewheel.report.scales import padded_range
from tidewheel.report.svg import Margins, Plot, figure, label, responsive, svg
from tidewheel.report.tables import table

HEAD = (
    *("trial", "objective", "feasible", "precision", "recall", "threshold"),
    *("bias", "l1", "learning rate", "positive weight", "wd", "mini-batch"),
)
HEIGHT = 250


def section(report: RunReport) -> Markup | None:
    """The trials as a picture and as a table; None where there is none."""
    trials, chosen = report.trials, report.selected
    return joined((_chart(trials, chosen), _table(trials, chosen))) if trials else None


def _chart(trials: Sequence[Trial], chosen: Trial | None) -> Markup:
    feasible = [trial.objective for trial in trials if trial.feasible]
    y = padded_range(feasible or [trial.objective for trial in trials], margin=0.15)

    def draw(width: int) -> Markup:
        plot = Plot.of(width, HEIGHT, (0.5, trials[-1].number + 0.5), y, Margins(top=24))
        return svg(
            "The objective that each trial reached, in order",
            *(width, HEIGHT),
            plot.axes("trial", "objective", y_about=4, x_ticks=_numbers(trials, 20 if width > 600 else 10)),
            plot.line(_best_so_far(trials), "best"),
            *(_mark(plot, trial, chosen) for trial in trials),
        )

    return figure(responsive(draw), _caption(trials, chosen, bool(feasible)))


def _numbers(trials: Sequence[Trial], most: int) -> list[float]:
    """Which trials' numbers stand below the axis."""
    stride = -(-len(trials) // most)
    return [float(trial.number) for trial in trials[::stride]]


def _best_so_far(trials: Sequence[Trial]) -> list[tuple[float, float]]:
    """Corners of the line of the best feasible objective up to each trial."""
    corners: list[tuple[float, float]] = []
    for trial in trials:
        if not trial.feasible:
            continue
        if not corners or trial.objective > corners[-1][1]:
            corners += [(trial.number, corners[-1][1])] if corners else []
            corners.append((trial.number, trial.objective))
    return [*corners, (trials[-1].number, corners[-1][1])] if corners else []


def _mark(plot: Plot, trial: Trial, chosen: Trial | None) -> Markup:
    """A dot, or a cross where the trial is not feasible; the chosen one has a ring and a word."""
    at, tooltip = (float(trial.number), trial.objective), f"trial {trial.number}: {number(trial.objective)}"
    mark = plot.dot(at, "dot", 4.5, tooltip) if trial.feasible else plot.cross(at, "cross", 4.5, tooltip)
    if chosen is None or chosen.number != trial.number:
        return mark
    # The chosen setting is one of the trial's neighbourhood, and not always the one that looked best of it.
    at = (float(chosen.number), chosen.objective)
    x, y = plot.at(at)
    anchor = "start" if x < plot.x.start + 40 else "end" if x > plot.x.end - 40 else "middle"
    return joined((mark, plot.dot(at, "ring", 8.5), label(x, y - 13, "chosen", anchor, "strong halo")))


def _caption(trials: Sequence[Trial], chosen: Trial | None, any_feasible: bool) -> str:
    text = [_objective(trials, any_feasible)]
    if any_feasible and not all(trial.feasible for trial in trials):
        text.append(
            "A cross is not feasible: it misses the recall floor or flags everything, and ranks below all others."
        )
    if chosen is not None:
        text.append(
            f"Chosen: trial {chosen.number}. The best of {len(trials)} looks better than it is; the test part tells."
        )
    return " ".join(text)


def _objective(trials: Sequence[Trial], any_feasible: bool) -> str:
    if not any_feasible:
        text = "No trial is feasible: each misses the recall floor or flags everything."
        return f"{text} They rank by their figure, less 1."
    by_precision = all(trial.objective == trial.precision for trial in trials if trial.feasible)
    what = "precision" if by_precision else "the criterion"
    what += " on rows held out, at thresholds they did not fit"
    return f"Objective: {what}, of the best setting in each trial's neighbourhood. The line is the best so far."


def _table(trials: Sequence[Trial], chosen: Trial | None) -> Markup:
    """A trial a row, as its best setting did, and the chosen setting below, which may be another of its trial's."""
    rows = [_row(trial.number, trial) for trial in trials]
    if chosen is not None:
        rows.append(_row(f"★ chosen, of {chosen.number}", chosen))
    caption = "Trials in order; precision and recall on rows held out, settings as the learner took them"
    return table(caption, HEAD, rows, text_columns=(2, 6), marked=len(trials) if chosen else None)


def _row(name: object, trial: Trial) -> list[object]:
    own = trial.hyperparameters
    return [
        name,
        number(trial.objective),
        "yes" if trial.feasible else "no",
        number(trial.precision),
        number(trial.recall),
        threshold_text(trial.threshold_z),
        *(
            hyperparameter(v)
            for v in (own.use_bias, own.l1, own.learning_rate, own.positive_example_weight_mult, own.wd)
        ),
        own.mini_batch_size,
    ]
