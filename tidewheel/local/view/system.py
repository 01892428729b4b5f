"""Panels of the processes, the predictions and the news."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tidewheel.contracts.topics import LABELER_GROUP, ORDERBOT_GROUP, TRAINER_GROUP
from tidewheel.domain.time import NS_PER_S
from tidewheel.local.view.frame import Frame, ProcessStatus
from tidewheel.presentation.numbers import NONE, number, price
from tidewheel.presentation.times import clock_time

MARKS = {
    "ready": ("●", "green"),
    "done": ("✔", "green"),
    "failed": ("✘", "bold red"),
    "restarting": ("◌", "bold yellow"),
}
STARTING = ("◌", "yellow")


def processes(frame: Frame) -> Group:
    """Each process with its restarts; who is behind; the dead letters. Two lines."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for process in frame.processes:
        line.append_text(_process(process)).append("  ")
    behind = Text(no_wrap=True, overflow="ellipsis").append("behind: ", "dim")
    for group in (ORDERBOT_GROUP, LABELER_GROUP, TRAINER_GROUP):
        lag = frame.progress.lag(group)
        behind.append(f"{group} ", "dim").append(NONE if lag is None else f"{lag:,}").append("  ")
    behind.append("dead letters ", "dim").append(f"{frame.dead_letters:,}", "bold yellow" if frame.dead_letters else "")
    behind.append(f" (last: {frame.last_dead_letter})" if frame.last_dead_letter else "", "dim")
    return Group(line, behind) if frame.processes else Group(behind)


def _process(process: ProcessStatus) -> Text:
    mark, style = MARKS.get(process.state, STARTING)
    text = Text.assemble((f"{mark} ", style), process.name)
    if process.state not in ("ready",):
        text.append(f" {process.state}", style)
    if process.restarts:
        text.append(f" ↻{process.restarts}", "yellow")
    return text


def predictions(frame: Frame, lines: int) -> Table | Text:
    """The last predictions, newest first."""
    if not frame.predictions:
        return Text(frame.predictor_error or "none yet", style="dim", overflow="ellipsis")
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("market", "offer", "score", "says", "model"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("market", "says") else "right")
    for timed in list(frame.predictions)[::-1][: max(1, lines - 1)]:
        one = timed.prediction
        flagged = bool(one.label)
        table.add_row(
            clock_time(one.second) if one.second else clock_time(timed.at_ns // NS_PER_S),
            price(one.offer_e9) if one.offer_e9 else NONE,
            number(one.score, 4),
            Text("PROFIT" if flagged else "no", style="bold green" if flagged else "dim"),
            str(one.seq),
        )
    return table


def last_prediction(frame: Frame) -> Text:
    """The newest prediction on one line."""
    if not frame.predictions:
        return Text("")
    one = frame.predictions[-1].prediction
    return Text.assemble(
        ("now ", "dim"),
        number(one.score, 4),
        (" vs ", "dim"),
        f"{number(one.threshold, 4)}: ",
        ("PROFIT", "bold green") if one.label else ("no", "bold"),
        no_wrap=True,
        overflow="ellipsis",
    )


def messages(frame: Frame, lines: int) -> Text:
    """What happened last, newest below."""
    return Text("\n".join(list(frame.messages)[-lines:]), style="dim", no_wrap=True, overflow="ellipsis")
