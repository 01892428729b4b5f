"""Lines of a CSV file as batches: whole blocks at once, and line by line what is not plain in them."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.recordings.assembly import assemble
from tidewheel.recordings.columns import prices_e9, sizes_e9, times_ns
from tidewheel.recordings.fields import parse_batch
from tidewheel.recordings.layout import Layout
from tidewheel.recordings.place_mark import NO_MARK, PlaceMark
from tidewheel.recordings.quotes import Fault, RawBatch, SourceError
from tidewheel.recordings.selection import Selection
from tidewheel.recordings.splitting import BOM, line_count, text_columns

LINE_BYTES_MAX = 64 * 1024
# Below this many lines a block with a line of other fields is read line by line, above it is halved.
LINES_ONE_BY_ONE = 32


def batches(
    blocks: Iterable[bytes], layout: Layout, selection: Selection, mark: PlaceMark = NO_MARK, file: str = ""
) -> Iterator[RawBatch]:
    """The rows of a file that comes in blocks of whole lines. Raises SourceError where it holds more than one
    instrument."""
    line = 1
    for number, block in enumerate(blocks):
        if number == 0:
            block = block.removeprefix(BOM)
            if layout.header:
                block = block.partition(b"\n")[2]
                line = 2
        if block:
            count = line_count(block)
            if mark.begin(f"{file}, line {line}"):
                parsed = list(_parse_block(block, count, line, layout, selection))
                mark.end()
                yield from parsed
            else:
                yield parse_lines(block, line, layout, selection)
            line += count


def whole_lines(chunks: Iterable[bytes], file: str) -> Iterator[bytes]:
    """The same bytes cut at line ends; the file's last line may lack one. Raises SourceError for an endless line."""
    rest = b""
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if end:
            yield b"".join((rest, memoryview(chunk)[:end]))
            rest = chunk[end:]
        else:
            rest += chunk
        if len(rest) > LINE_BYTES_MAX:
            raise SourceError(f"{file} holds a line of more than {LINE_BYTES_MAX} bytes: it is no CSV file of quotes")
    if rest:
        yield rest


def _parse_block(block: bytes, count: int, first_line: int, layout: Layout, selection: Selection) -> Iterator[RawBatch]:
    """Where a line has other fields than the header, the block's halves are tried, so that one such costs little."""
    plain = parse_columns(block, count, first_line, layout, selection)
    if plain is not None:
        yield plain
    elif count <= LINES_ONE_BY_ONE:
        yield parse_lines(block, first_line, layout, selection)
    else:
        middle = block.find(b"\n", len(block) // 2) + 1
        if middle in (0, len(block)):  # the last line alone is longer than all others together
            middle = block.rfind(b"\n", 0, len(block) // 2) + 1
        before = line_count(block[:middle])
        yield from _parse_block(block[:middle], before, first_line, layout, selection)
        yield from _parse_block(block[middle:], count - before, first_line + before, layout, selection)


class _Lines:
    """Lines of a block by index, cut only once one is asked for."""

    def __init__(self, block: bytes) -> None:
        self._block = block

    @cached_property
    def _lines(self) -> list[bytes]:
        return self._block.split(b"\n")

    def __call__(self, index: int) -> bytes:
        return self._lines[index].removesuffix(b"\r")


def parse_columns(block: bytes, count: int, first_line: int, layout: Layout, selection: Selection) -> RawBatch | None:
    """The whole block at once, irregular fields one by one; None where its lines are not all of the header's fields."""
    columns = text_columns(block, count, layout)
    if columns is None:
        return None
    chosen = selection.chosen({name: columns[name] for name in selection.columns}, first_line)
    times = times_ns(columns[layout.time], layout.clock)
    prices = [prices_e9(columns[name], layout.scale) for name in layout.prices]
    sizes = [sizes_e9(columns[name], layout.size_scale) for name in layout.sizes]
    lines = _Lines(block)
    return assemble(
        [times, *prices, *sizes],
        chosen,
        first_line,
        layout,
        lines,
        lambda rows: _one_by_one([lines(index) for index in rows.tolist()], layout),
    )


def _one_by_one(lines: Sequence[bytes], layout: Layout) -> RawBatch:
    return parse_batch(layout, [split_line(line, layout) for line in lines], 0, lines)


def parse_lines(block: bytes, first_line: int, layout: Layout, selection: Selection) -> RawBatch:
    """The same line by line: the definition."""
    lines = block.removesuffix(b"\n").split(b"\n")
    rows = [split_line(line, layout) for line in lines]
    chosen = selection.one_by_one(rows, first_line)
    batch = parse_batch(layout, rows, first_line, [line.removesuffix(b"\r") for line in lines])
    return chosen.applied(batch)


def split_line(line: bytes, layout: Layout) -> dict[str, str] | Fault:
    """A line's fields by column, or why it has none."""
    text = line.removesuffix(b"\r").decode("utf-8", errors="replace")
    fields = split_text(text, layout.delimiter, quoted=layout.quoted)
    if len(fields) != len(layout.columns):
        if not text.strip():
            return Fault(DeadLetterReason.MALFORMED, "the line is empty")
        return Fault(
            DeadLetterReason.MALFORMED,
            f"{len(fields)} fields, the {'header' if layout.header else 'first line'} has {len(layout.columns)}",
        )
    return dict(zip(layout.columns, fields, strict=True))


def split_text(text: str, delimiter: str, *, quoted: bool) -> list[str]:
    """A line's fields."""
    if not quoted:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter), [""])
    except csv.Error:
        return text.split(delimiter)
