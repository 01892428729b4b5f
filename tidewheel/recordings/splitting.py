"""A block of whole lines cut into columns of text: by its separators alone where no field is quoted."""

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from tidewheel.domain.market import Int64
from tidewheel.recordings.layout import Layout
from tidewheel.recordings.text_column import MARGIN, MARGIN_BYTES, TextColumn

BOM = b"\xef\xbb\xbf"
NEWLINE, RETURN = ord("\n"), ord("\r")
# So many bytes at once are in a processor's cache.
SCAN_BYTES = 64 * 1024


def line_count(block: bytes) -> int:
    """Lines of a block; the last may lack its end."""
    ends = int(np.count_nonzero(np.frombuffer(block, np.uint8) == NEWLINE))
    return ends + (not block.endswith(b"\n"))


def text_columns(block: bytes, count: int, layout: Layout) -> dict[str, TextColumn] | None:
    """The columns that are read, of `count` lines; None where these are not all of the layout's fields."""
    return _by_quotes(block, count, layout) if layout.quoted else _by_separators(block, count, layout)


def _by_separators(block: bytes, count: int, layout: Layout) -> dict[str, TextColumn] | None:
    data = b"".join((MARGIN, block, b"" if block.endswith(b"\n") else b"\n", MARGIN))
    separators = _separators(data, ord(layout.delimiter), count * len(layout.columns))
    if separators is None:
        return None
    table = separators.reshape(count, len(layout.columns))
    # There are as many line ends as lines, so no other separator is one.
    if not (np.frombuffer(data, np.uint8)[table[:, -1]] == NEWLINE).all():
        return None
    at = {name: number for number, name in enumerate(layout.columns)}
    return {name: _column(data, table, at[name]) for name in layout.wanted}


def _separators(data: bytes, delimiter: int, count: int) -> Int64 | None:
    """Where each of so many lies between the margins; None where there are more, or less."""
    separators, found = np.empty(count, dtype=np.int64), 0
    end = len(data) - MARGIN_BYTES
    for start in range(MARGIN_BYTES, end, SCAN_BYTES):
        piece = np.frombuffer(data, np.uint8, min(SCAN_BYTES, end - start), start)
        at = ((piece == delimiter) | (piece == NEWLINE)).nonzero()[0]
        if found + len(at) > count:
            return None
        np.add(at, start, out=separators[found : found + len(at)])
        found += len(at)
    return separators if found == count else None


def _column(data: bytes, table: Int64, number: int) -> TextColumn:
    ends = table[:, number].copy()
    starts = np.empty_like(ends)
    if number:
        np.add(table[:, number - 1], 1, out=starts)
    else:
        starts[0] = MARGIN_BYTES
        np.add(table[:-1, -1], 1, out=starts[1:])
    if number == table.shape[1] - 1:
        ends -= np.frombuffer(data, np.uint8)[ends - 1] == RETURN
    return TextColumn(data, starts, ends)


def _by_quotes(block: bytes, count: int, layout: Layout) -> dict[str, TextColumn] | None:
    # Arrow drops a byte order mark wherever a block begins with one.
    if block.startswith(BOM):
        return None
    wanted = layout.wanted
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(block),
            arrow_csv.ReadOptions(use_threads=False, column_names=list(layout.columns), block_size=len(block) + 1),
            arrow_csv.ParseOptions(delimiter=layout.delimiter, quote_char='"', ignore_empty_lines=False),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(wanted, pa.binary()), include_columns=list(wanted)),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != count:  # Arrow takes a lone carriage return for a line's end
        return None
    return {name: TextColumn.of(table.column(name).combine_chunks()) for name in wanted}
