"""Panels of the training run in progress, the runs before it, and the model that serves."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tidewheel.domain.models import PartMetrics, Scorecard
from tidewheel.domain.time import NS_PER_S
from tidewheel.domain.training import Step, Trial
from tidewheel.domain.training_runs import TrainingRun
from tidewheel.local.view.frame import Frame
from tidewheel.presentation.numbers import NONE, number
from tidewheel.presentation.sentences import account_summary, reason_text
from tidewheel.presentation.times import timer

DONE, NOW, OPEN, BAD, CANDIDATE = "✔", "▶", "○", "✘", "◇"
STEPS = (
    (Step.WINDOW_CLOSED, "closed"),
    (Step.VALIDATED, "validated"),
    (Step.SPLIT, "split"),
    (Step.TRIAL, "trials"),
    (Step.SELECTED, "selected"),
    (Step.GATE, "gate"),
)
LONG_STEPS = 84  # columns that the steps take with lines between them
NO_RUN = Text("no window has closed yet", style="dim")


def run(frame: Frame, width: int, lines: int) -> Group | Text:
    """The newest run as a picture of its steps; at least three lines."""
    latest = frame.instrument.runs.latest() if frame.instrument else None
    if latest is None:
        return NO_RUN
    steps = _steps(latest, " ─ " if width >= LONG_STEPS else " ")
    if lines == 3:
        below = (_trials(latest), _scores(latest)) if latest.end is None else (_scores(latest), _verdict(latest))
        return Group(steps, *below)
    rows = [steps, _trials(latest), _scores(latest), _verdict(latest)]
    if lines > 4:
        rows.insert(1, _rows(latest))
    return Group(*rows)


def run_title(frame: Frame) -> str:
    latest = frame.instrument.runs.latest() if frame.instrument else None
    return "training run" if latest is None else f"training run {latest.seq}"


def _steps(run: TrainingRun, between: str) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    over = {step for step, _ in STEPS if step in run.steps and not (step is Step.TRIAL and _searching(run))}
    current = next((step for step, _ in STEPS if step not in over), None) if run.end is None else None
    for step, name in STEPS:
        mark, style = (DONE, "green") if step in over else (NOW, "bold yellow") if step is current else (OPEN, "dim")
        text.append(f"{mark} {name}", style).append(between, "dim")
    if run.end is None:
        return text.append(f"{OPEN} published", "dim")
    return text.append(f"{_mark(run)} {run.outcome}", f"bold {_colour(run)}")


def _mark(run: TrainingRun) -> str:
    return DONE if run.published else CANDIDATE if run.is_candidate else BAD


def _colour(run: TrainingRun) -> str:
    return "green" if run.published else "yellow" if run.is_candidate else "red"


def _searching(run: TrainingRun) -> bool:
    return run.end is None and Step.SELECTED not in run.steps and len(run.trials) < run.trials_planned


def _rows(run: TrainingRun) -> Text:
    split = run.split
    if split is None:
        return Text("rows not split yet", style="dim")
    sizes = f"training {split.training:,}  validation {split.validation:,}  test {split.test:,}"
    if split.folds:
        sizes = f"training and validation {split.training:,} in {split.folds} folds  test {split.test:,}"
    return Text(f"rows: {sizes}  purged {split.purged:,}", style="dim")


def _trials(run: TrainingRun) -> Text:
    planned = max(run.trials_planned, len(run.trials))
    text = Text.assemble(
        ("trials ", "dim"), ("▮" * len(run.trials), "cyan"), ("▯" * (planned - len(run.trials)), "dim")
    )
    best = _best(run)
    if best is not None:
        text.append(f"  {_called(run)} {number(best.objective)} by trial {best.number}")
        text.append(f" (precision {number(best.precision)} at recall {number(best.recall)})", "dim")
    return text


def _best(run: TrainingRun) -> Trial | None:
    """The one selected, or the leader so far."""
    if run.selected is not None:
        return run.selected
    feasible = [trial for trial in run.trials.values() if trial.feasible]
    return max(feasible, key=lambda trial: trial.objective, default=None)


def _called(run: TrainingRun) -> str:
    """What is chosen need not be what looks best: the search defends the setting it began with."""
    return "best" if run.selected is None else "chosen"


def _scores(run: TrainingRun) -> Text:
    """Each trial's score; one below the recall floor is marked, not coloured only."""
    text = Text(no_wrap=True, overflow="ellipsis").append("scores ", "dim")
    if not run.trials:
        return text.append(NONE, "dim")
    best = _best(run)
    for at, trial in sorted(run.trials.items()):
        leads = best is not None and at == best.number
        style = "bold green" if leads else "" if trial.feasible else "dim"
        text.append(f"{number(trial.objective)}{'*' if leads else '' if trial.feasible else '×'} ", style)
    text.append(f"  * {_called(run)}" if best else "", "dim")
    return text.append("  × recall too low" if any(not t.feasible for t in run.trials.values()) else "", "dim")


def _verdict(run: TrainingRun) -> Text:
    if run.end is None:
        return Text(run.gate_detail, style="dim")
    result = run.result
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(run.outcome, f"bold {_colour(run)}")
    if result is not None and result.test is not None:
        text.append(f"  test precision {number(result.test.precision)} at recall {number(result.test.recall)}")
        text.append(f", tuned in {result.tuning_s:.1f} s", "dim")
    return text.append(f"  {run.detail or run.reason}" if run.reason else "")


def runs(frame: Frame, lines: int) -> Table | Text:
    """The last runs, newest first."""
    recent = frame.instrument.runs.recent(max(1, lines - 1)) if frame.instrument else []
    if not recent:
        return NO_RUN
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("model", no_wrap=True, justify="right")
    table.add_column("verdict", no_wrap=True, overflow="ellipsis", ratio=1)
    for name in ("test P", "R", "base", "next P", "R", "base", "served"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("evidence", no_wrap=True)
    for one in recent:
        table.add_row(*_run_row(one, frame))
    return table


def _run_row(one: TrainingRun, frame: Frame) -> list[str | Text]:
    result = one.result
    served = frame.served.get(one.seq)
    wait = f"{(served - one.window_closed_at_ns) / NS_PER_S:.1f} s" if served and one.window_closed_at_ns else NONE
    return [
        str(one.seq),
        Text(_verdict_text(one), style=_colour(one)),
        *_metric_texts(result.test if result else None),
        *_metric_texts(one.scorecard),
        wait,
        (result.evidence if result else "") or NONE,
    ]


def _verdict_text(one: TrainingRun) -> str:
    """A refusal is told by its reason alone, since there is little room."""
    by_reason = one.end is Step.REFUSED and one.reason and not one.is_candidate
    return f"{_mark(one)} {reason_text(one.reason) if by_reason else one.outcome}"


def _metric_texts(part: PartMetrics | Scorecard | None) -> list[str]:
    if part is None:
        return [NONE] * 3
    return [number(part.precision), number(part.recall), number(part.base_rate)]


def model(frame: Frame, lines: int) -> Group | Text:
    """The serving model, as the predictor's own replies name it; two lines, or four."""
    if not frame.predictions:
        waiting = frame.predictor_error or "no model serves yet"
        return Text(waiting, style="dim")
    last = frame.predictions[-1].prediction
    found = frame.instrument.runs.by_seq.get(last.seq) if frame.instrument else None
    born = timer((frame.now_ns - found.ended_at_ns) / NS_PER_S) if found and found.ended_at_ns else NONE
    head = Text.assemble(
        ("model ", "dim"),
        (str(last.seq), "bold"),
        (f" epoch {last.epoch}  age ", "dim"),
        born,
        no_wrap=True,
        overflow="ellipsis",
    )
    evidence = Text.assemble(("evidence ", "dim"), (last.evidence or "none", "bold"))
    test = found.result.test if found and found.result else None
    if lines < 4:
        return Group(head.append("  ").append_text(evidence), _measured("test", test))
    if (card := _last_card(frame)) and card.account:
        evidence.append(f", {account_summary(card.account)}", "dim")
    evidence.append("  says yes from ", "dim").append(f"{number(last.threshold, 4)}")
    return Group(head, _measured("test", test), _measured("next", card), evidence)


def _last_card(frame: Frame) -> Scorecard | None:
    """The newest finished next-window scorecard, whichever model it judges."""
    by_seq = frame.instrument.runs.by_seq if frame.instrument else {}
    return next((by_seq[seq].scorecard for seq in sorted(by_seq, reverse=True) if by_seq[seq].scorecard), None)


def _measured(name: str, part: PartMetrics | Scorecard | None) -> Text:
    precision, recall, base = _metric_texts(part)
    return Text.assemble(
        (f"{name} P ", "dim"),
        precision,
        ("  R ", "dim"),
        recall,
        ("  base ", "dim"),
        base,
        no_wrap=True,
        overflow="ellipsis",
    )
