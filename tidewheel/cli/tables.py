"""Tables and lists of the command line, drawn by rich: fitted to a terminal, whole and plain anywhere else."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from io import StringIO
from shutil import get_terminal_size

import click
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tidewheel.presentation.numbers import NONE

# Wider than any line: nothing is wrapped or cut where no terminal is.
UNLIMITED = 100_000
GAP = 2
# Columns that a column of words gets before others are left out.
WORDS_WIDTH_MIN = 12
NUMBER_BEGINS = "+-<>"


Column = tuple[str, list[str]]  # its name and its cells


class FittedTable:
    """Rows of text under a head. Columns of numbers are set to the right. Where a terminal is too narrow, cells of the
    columns in `wrapped` take more lines, then columns in `omissible` are left out, the first first, and named."""

    def __init__(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[str]],
        wrapped: Collection[str] = (),
        omissible: Sequence[str] = (),
    ) -> None:
        cells = list(rows)
        self._columns = [(name, [row[at] for row in cells]) for at, name in enumerate(head)]
        self._wrapped, self._omissible = wrapped, omissible

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        left_out = self._left_out(width)
        kept = [(name, cells) for name, cells in self._columns if name not in left_out]
        # What cannot be narrower is broken by the terminal itself, rather than cut.
        yield from console.render(self._table(kept), options.update_width(max(width, self._width_min(kept))))
        if left_out:
            yield Text(f"(no room for: {', '.join(left_out)}; a wider terminal and a pipe have all)", style="dim")

    def _table(self, columns: Sequence[Column]) -> Table:
        table = _bare_table(show_header=True)
        for name, cells in columns:
            right = all(_is_numeric(cell) for cell in cells)
            table.add_column(Text(name), justify="right" if right else "left", no_wrap=name not in self._wrapped)
        for row in zip(*(cells for _, cells in columns), strict=True):
            table.add_row(*map(Text, row))
        return table

    def _left_out(self, width: int) -> Sequence[str]:
        """The fewest columns without which the others fit."""
        for count in range(len(self._omissible)):
            kept = [column for column in self._columns if column[0] not in self._omissible[:count]]
            if self._width_min(kept) <= width:
                return self._omissible[:count]
        return self._omissible

    def _width_min(self, columns: Sequence[Column]) -> int:
        widths = (
            min(width, WORDS_WIDTH_MIN) if name in self._wrapped else width
            for name, cells in columns
            for width in [max(map(cell_len, (name, *cells)))]
        )
        return sum(widths) + GAP * (len(columns) - 1)


def pairs(values: Mapping[str, str]) -> Table:
    """Names with their values, a line each; a value that is too long takes more lines beside its name."""
    table = _bare_table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(Text(name), Text(value))
    return table


def section(heading: str, *parts: RenderableType) -> Group:
    """A heading, and indented under it what it is of."""
    return Group(Text(heading), *(Padding(part, (0, 0, 0, GAP), expand=False) for part in parts))


def separated(parts: Iterable[RenderableType | None]) -> Group:
    """Parts with an empty line between two, those that are None left out."""
    present = [part for part in parts if part is not None]
    return Group(*[one for part in present for one in (Text(), part)][1:])


def as_text(shown: RenderableType, width: int = UNLIMITED, styled: bool = False) -> str:
    """What is printed on so many columns, without spaces at the ends of lines."""
    console = Console(file=StringIO(), width=width, force_terminal=styled, highlight=False, emoji=False, markup=False)
    with console.capture() as captured:
        console.print(shown, crop=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def echo(shown: RenderableType) -> None:
    """Print it on standard output: fitted to a terminal, else with every line and column whole."""
    on_terminal = sys.stdout.isatty()
    click.echo(as_text(shown, get_terminal_size().columns if on_terminal else UNLIMITED, on_terminal))


def _bare_table(show_header: bool) -> Table:
    return Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_header=show_header)


def _is_numeric(cell: str) -> bool:
    return cell in ("", NONE) or cell.lstrip(NUMBER_BEGINS)[:1].isdigit()
