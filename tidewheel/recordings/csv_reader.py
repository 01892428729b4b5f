"""Lines of a CSV file as batches: whole blocks at once where every field is plain, else line by line."""

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
import pyarrow as pa
from pyarrow import csv

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import NO_INT64, Int64
from tidewheel.domain.prices import INT64_MAX
from tidewheel.recordings.fields import PRICES, Layout, parse_batch, parse_layout
from tidewheel.recordings.quotes import NO_SIZE, Fault, RawBatch, SourceError

LINE_BYTES_MAX = 64 * 1024
# Below this many lines a block that is not plain is read line by line, above it is halved.
LINES_ONE_BY_ONE = 32
# Exact: a value of more decimals or digits does not fit, and Arrow says so.
PRICE_TYPE = pa.decimal128(19, 9)
BOM = b"\xef\xbb\xbf"


def batches(blocks: Iterable[bytes], file: str) -> Iterator[RawBatch]:
    """The rows of a file that comes in blocks of whole lines. Raises SourceError for a header it cannot read."""
    layout: Layout | None = None
    line = 1
    for block in blocks:
        if layout is None:
            header, _, block = block.partition(b"\n")
            text = header.removeprefix(BOM).decode("utf-8", errors="replace")
            layout = parse_layout([name.strip() for name in text.split(",")], file)
            line = 2
        if block:
            yield from _parse_block(block, line, layout)
            line += _line_count(block)
    if layout is None:
        raise SourceError(f"{file} is empty")


def whole_lines(chunks: Iterable[bytes], file: str) -> Iterator[bytes]:
    """The same bytes cut at line ends; the file's last line may lack one. Raises SourceError for an endless line."""
    rest = b""
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = chunk[end:]
        else:
            rest += chunk
        if len(rest) > LINE_BYTES_MAX:
            raise SourceError(f"{file} holds a line of more than {LINE_BYTES_MAX} bytes: it is no CSV file of quotes")
    if rest:
        yield rest


def _line_count(block: bytes) -> int:
    return block.count(b"\n") + (not block.endswith(b"\n"))


def _parse_block(block: bytes, first_line: int, layout: Layout) -> Iterator[RawBatch]:
    """Where a block has a field that is not plain, its halves are tried, so that one bad line costs little."""
    count = _line_count(block)
    plain = parse_columns(block, count, first_line, layout)
    if plain is not None:
        yield plain
    elif count <= LINES_ONE_BY_ONE:
        yield parse_lines(block, first_line, layout)
    else:
        middle = block.find(b"\n", len(block) // 2) + 1
        if middle in (0, len(block)):  # the last line alone is longer than all others together
            middle = block.rfind(b"\n", 0, len(block) // 2) + 1
        yield from _parse_block(block[:middle], first_line, layout)
        yield from _parse_block(block[middle:], first_line + _line_count(block[:middle]), layout)


class _Lines:
    """Lines of a block by index, cut only once one is asked for."""

    def __init__(self, block: bytes) -> None:
        self._block = block

    @cached_property
    def _lines(self) -> list[bytes]:
        return self._block.split(b"\n")

    def __call__(self, index: int) -> bytes:
        return self._lines[index].removesuffix(b"\r")


def parse_columns(block: bytes, count: int, first_line: int, layout: Layout) -> RawBatch | None:
    """The whole block at once, or None where any line is not plain."""
    # Arrow reads 0x10 as a whole number, and drops a byte order mark wherever a block begins with one.
    if b"x" in block or b"X" in block or block.startswith(BOM):
        return None
    types = {layout.time: pa.int64(), **dict.fromkeys((*PRICES, *layout.sizes), PRICE_TYPE)}
    try:
        table = csv.read_csv(
            pa.py_buffer(block),
            csv.ReadOptions(use_threads=False, column_names=list(layout.columns), block_size=len(block) + 1),
            csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            csv.ConvertOptions(column_types=types, null_values=[""], include_columns=list(layout.wanted)),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != count:  # Arrow takes a lone carriage return for a line's end
        return None
    times = _whole_numbers(table.column(layout.time))
    prices = [_e9(table.column(name), None) for name in PRICES]
    sizes = {name: _e9(table.column(name), NO_SIZE) for name in layout.sizes}
    if times is None or any(column is None for column in (*prices, *sizes.values())):
        return None
    if times.min() < 0 or times.max() > INT64_MAX // layout.unit_ns:
        return None
    bid, offer = prices
    assert bid is not None
    assert offer is not None
    return RawBatch(
        place=np.arange(first_line, first_line + count, dtype=np.int64),
        time_ns=times * layout.unit_ns,
        bid_e9=bid,
        offer_e9=offer,
        bid_size_e9=sizes.get("bid_size", NO_INT64),  # type: ignore[arg-type]
        offer_size_e9=sizes.get("offer_size", NO_INT64),  # type: ignore[arg-type]
        raw=_Lines(block),
    )


def _whole_numbers(column: pa.ChunkedArray) -> Int64 | None:
    if column.null_count:
        return None
    return np.concatenate([chunk.to_numpy() for chunk in column.chunks])


def _e9(column: pa.ChunkedArray, missing: int | None) -> Int64 | None:
    """A column of decimals in 1e-9 units; None where one does not fit, is missing and must not, or is negative and
    may be missing (what is given as -1 is not a missing size)."""
    if column.null_count and missing is None:
        return None
    parts = [e9_of(chunk) for chunk in column.chunks]
    if any(part is None for part in parts):
        return None
    values = np.concatenate([part for part in parts if part is not None])
    if missing is not None:
        if (values < 0).any():
            return None
        if column.null_count:
            values[np.concatenate([chunk.is_null().to_numpy(zero_copy_only=False) for chunk in column.chunks])] = (
                missing
            )
    return values


def e9_of(decimals: pa.Array) -> Int64 | None:
    """The values of a decimal128(_, 9) array in 1e-9 units, 0 where null; None where one does not fit in 64 bits."""
    buffer = decimals.buffers()[1]
    words = np.frombuffer(buffer, dtype="<i8")[2 * decimals.offset : 2 * (decimals.offset + len(decimals))]
    values = words[0::2].astype(np.int64)
    high = words[1::2]
    if decimals.null_count:
        null = decimals.is_null().to_numpy(zero_copy_only=False)
        values[null] = 0
        high = np.where(null, 0, high)
    # A decimal128 is two words; the upper one must be only the lower one's sign.
    return values if np.array_equal(high, values >> 63) else None


def parse_lines(block: bytes, first_line: int, layout: Layout) -> RawBatch:
    lines = (block.removesuffix(b"\n")).split(b"\n")
    return parse_batch(layout, [_fields(line, layout) for line in lines], first_line, [_bare(line) for line in lines])


def _bare(line: bytes) -> bytes:
    return line.removesuffix(b"\r")


def _fields(line: bytes, layout: Layout) -> dict[str, str] | Fault:
    text = _bare(line).decode("utf-8", errors="replace")
    fields = text.split(",")
    if len(fields) != len(layout.columns):
        if not text.strip():
            return Fault(DeadLetterReason.MALFORMED, "the line is empty")
        return Fault(DeadLetterReason.MALFORMED, f"{len(fields)} fields, the header has {len(layout.columns)}")
    return dict(zip(layout.columns, fields, strict=True))
