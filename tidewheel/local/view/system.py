"""Panels of the processes, the predictions and the news."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tidewheel.contracts.topics import LABELER_GROUP, ORDERBOT_GROUP, TRAINER_GROUP
from tidewheel.domain.time import NS_PER_S
from tidewheel.local.view.figures import NOTHING, clock_time, price
from tidewheel.local.view.picture import Part, Picture

MARKS = {
    "ready": ("●", "green"),
    "done": ("✔", "green"),
    "failed": ("✘", "bold red"),
    "restarting": ("◌", "bold yellow"),
}
STARTING = ("◌", "yellow")


def processes(picture: Picture) -> Group:
    """Each process with its restarts; who is behind; what was set aside. Two lines."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for part in picture.parts:
        line.append_text(_part(part)).append("  ")
    behind = Text(no_wrap=True, overflow="ellipsis").append("behind: ", "dim")
    for group in (ORDERBOT_GROUP, LABELER_GROUP, TRAINER_GROUP):
        lag = picture.progress.lag(group)
        behind.append(f"{group} ", "dim").append(NOTHING if lag is None else f"{lag:,}").append("  ")
    behind.append("dead letters ", "dim").append(
        f"{picture.dead_letters:,}", "bold yellow" if picture.dead_letters else ""
    )
    behind.append(f" (last: {picture.last_dead_letter})" if picture.last_dead_letter else "", "dim")
    return Group(line, behind) if picture.parts else Group(behind)


def _part(part: Part) -> Text:
    mark, style = MARKS.get(part.state, STARTING)
    text = Text.assemble((f"{mark} ", style), part.name)
    if part.state not in ("ready",):
        text.append(f" {part.state}", style)
    if part.restarts:
        text.append(f" ↻{part.restarts}", "yellow")
    return text


def predictions(picture: Picture, lines: int) -> Table | Text:
    """The last predictions, newest first."""
    if not picture.predictions:
        return Text(picture.predictor_trouble or "none yet", style="dim", overflow="ellipsis")
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in ("market", "offer", "score", "says", "model"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("market", "says") else "right")
    for answered in list(picture.predictions)[::-1][: max(1, lines - 1)]:
        one = answered.prediction
        flagged = bool(one.label)
        table.add_row(
            clock_time(one.second) if one.second else clock_time(answered.at_ns // NS_PER_S),
            price(one.offer_e9) if one.offer_e9 else NOTHING,
            f"{one.score:.4f}",
            Text("PROFIT" if flagged else "no", style="bold green" if flagged else "dim"),
            str(one.seq),
        )
    return table


def last_prediction(picture: Picture) -> Text:
    """The newest prediction on one line."""
    if not picture.predictions:
        return Text("")
    one = picture.predictions[-1].prediction
    return Text.assemble(
        ("now ", "dim"),
        f"{one.score:.4f}",
        (" vs ", "dim"),
        f"{one.threshold:.4f}: ",
        ("PROFIT", "bold green") if one.label else ("no", "bold"),
        no_wrap=True,
        overflow="ellipsis",
    )


def news(picture: Picture, lines: int) -> Text:
    """What happened last, newest below."""
    return Text("\n".join(list(picture.news)[-lines:]), style="dim", no_wrap=True, overflow="ellipsis")
