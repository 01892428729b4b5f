"""The whole screen: which panels fit, and where. Everything fits 80 × 24; larger terminals show more."""

from rich.console import RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.text import Text

from tidewheel.local.view import feed, market, system, training
from tidewheel.local.view.frame import Frame

FRAME = 2  # lines, and columns beside the padding, that a panel's frame takes
PADDED = 4
WIDE = 110


def screen(frame: Frame, width: int, height: int) -> RenderableType:
    """One frame for a terminal of this size."""
    wide = width >= WIDE
    run_lines = 5 if height >= 32 else 4 if height >= 28 else 3
    rows = [
        Layout(market.headline(frame), size=1),
        _market_row(frame, width, wide),
        _panel("next window", market.window(frame, width - PADDED), 1),
        _panel(training.run_title(frame), training.run(frame, width - PADDED, run_lines), run_lines),
    ]
    if not wide:
        rows.append(_model_row(frame))
    foot = [
        _panel("processes", system.processes(frame), 2),
        Layout(Text(frame.footer, style="dim", no_wrap=True, overflow="ellipsis"), size=1),
    ]
    spare = height - sum(row.size or 0 for row in (*rows, *foot))
    if spare < 0:  # below 24 lines the processes go first, then whatever stands lowest
        foot = foot[1:]
        spare = height - sum(row.size or 0 for row in (*rows, *foot))
    if feed.is_live(frame) and spare >= feed.LINES + FRAME:
        rows.insert(2, _panel("feed", feed.feed(frame), feed.LINES))
        spare -= feed.LINES + FRAME
    rows.extend(_spare_rows(frame, width, spare))
    whole = Layout()
    whole.split_column(*rows, *foot)
    return whole


def _panel(title: str, content: RenderableType, lines: int, ratio: int = 1) -> Layout:
    framed = Panel(content, title=title, title_align="left", border_style="dim", padding=(0, 1), height=lines + FRAME)
    return Layout(framed, size=lines + FRAME, ratio=ratio)


def _side_by_side(*panels: tuple[str, RenderableType, int], lines: int) -> Layout:
    row = Layout(size=lines + FRAME)
    row.split_row(
        *(
            Layout(
                Panel(
                    content, title=title, title_align="left", border_style="dim", padding=(0, 1), height=lines + FRAME
                ),
                ratio=ratio,
            )
            for title, content, ratio in panels
        )
    )
    return row


def _market_row(frame: Frame, width: int, wide: bool) -> Layout:
    share = width // (3 if wide else 2) - PADDED
    panels: list[tuple[str, RenderableType, int]] = [
        ("market", market.market(frame, share), 1),
        ("orders", market.orders(frame, share), 1),
    ]
    if wide:
        panels.append(("served model", training.model(frame, 4), 1))
    return _side_by_side(*panels, lines=4)


def _model_row(frame: Frame) -> Layout:
    return _side_by_side(
        ("served model", training.model(frame, 2), 3), ("prediction", system.last_prediction(frame), 2), lines=2
    )


def _spare_rows(frame: Frame, width: int, spare: int) -> list[Layout]:
    """What fills the rest: past runs, predictions beside them where it is wide, and news below where it is high."""
    rows: list[Layout] = []
    if spare < 1:
        return rows
    if spare < FRAME + 2:
        return [Layout(Text(""), size=spare)]
    message_lines = min(4, spare - 10) if spare >= 12 and frame.messages else 0
    lines = spare - FRAME - (message_lines + FRAME if message_lines else 0)
    panels: list[tuple[str, RenderableType, int]] = [("runs", training.runs(frame, lines), 9)]
    if width >= WIDE:
        panels.append(("predictions", system.predictions(frame, lines), 5))
    rows.append(_side_by_side(*panels, lines=lines))
    if message_lines:
        rows.append(_panel("news", system.messages(frame, message_lines), message_lines))
    return rows
