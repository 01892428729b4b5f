"""The first lines of a CSV file as a sample: delimiter, quotes, header."""

import re
from itertools import islice

from tidewheel.recordings.csv_reader import split_text
from tidewheel.recordings.guessing import Sample
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.splitting import BOM

SAMPLE_ROWS = 500
DELIMITERS = (",", ";", "\t", "|")
# A field that no header has.
VALUE = re.compile(r"[+-]?\d[\d.,:/eETDZ+ -]*|nan|inf", re.IGNORECASE)
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def csv_sample(block: bytes, file: str) -> Sample:
    """Of the file's first whole lines. Raises SourceError where they are no text, or no header."""
    check_text(block, file)
    lines = [
        line.removesuffix(b"\r").decode("utf-8", errors="replace")
        for line in islice(block.removeprefix(BOM).split(b"\n"), SAMPLE_ROWS + 1)
    ]
    if not lines[-1]:
        lines.pop()
    if not any(line.strip() for line in lines):
        raise SourceError(f"{file} has no header: its columns are not known")
    first = lines[0]
    delimiter = max(DELIMITERS, key=first.count)
    quoted = first.startswith('"') or f'{delimiter}"' in first
    rows = [tuple(split_text(line, delimiter, quoted=quoted)) for line in lines]
    notes = () if delimiter == "," else (f"fields are separated by {_name(delimiter)}",)
    if any(VALUE.fullmatch(text.strip()) for text in rows[0]):
        return Sample(file, None, tuple(rows), delimiter, quoted, notes=(*notes, "no header"), first="line 1")
    names = tuple(name.strip() for name in rows[0])
    return Sample(file, names, tuple(rows[1:]), delimiter, quoted, notes=notes)


def _name(delimiter: str) -> str:
    return "tabs" if delimiter == "\t" else f"{delimiter!r}"


def check_text(block: bytes, file: str) -> None:
    """Raises SourceError for text in another encoding."""
    if block.startswith(UTF16) or _every_other_byte_is_zero(block[:400]):
        raise SourceError(f"{file}: it is UTF-16 text. Write it as UTF-8: iconv -f UTF-16 -t UTF-8")


def _every_other_byte_is_zero(head: bytes) -> bool:
    """As in UTF-16 that does not say so."""
    pairs = head[: len(head) // 2 * 2]
    sides = pairs[0::2], pairs[1::2]
    return len(pairs) > 8 and any(
        not any(zeros) and text.decode("latin-1").isascii() and min(text) >= 9 for zeros, text in (sides, sides[::-1])
    )
