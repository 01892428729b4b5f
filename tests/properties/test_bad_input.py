"""A good file with one edit: read as an independent reader reads it, or told of and counted, or refused with its place.

The reader here shares nothing with the product's: lines by `tests.oracle`, times by the few rules of
docs/semantics.md, "Order of time", one row after another.
"""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from tests import oracle
from tidewheel.recordings import csv_reader, opening
from tidewheel.recordings.account import Account
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.recording import Recording
from tidewheel.recordings.validator import Validator

HEADER = "time_ms,bid,offer"
T0_MS = 1_714_521_600_000
NS = 10**9
LATE_NS = NS
STRAY_EVERY = 100
YEARS_NS = (1_230_768_000 * NS, 1_830_297_600 * NS)  # 2009 to the end of 2027
OPTIONS = ReadingOptions(year_max=2027)


@dataclass
class Reading:
    """What a file says: ticks by line as (line, time, bid, offer), and lines rejected; or that it is refused."""

    ticks: list[tuple[int, int, int, int]] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)
    refused: str = ""


def expected(content: bytes) -> Reading:
    """The reading by the rules, as plainly as it can be written."""
    text = content.decode("utf-8", errors="replace").removeprefix("\ufeff")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if not lines[-1]:
        lines.pop()
    if lines[0] != HEADER:
        return Reading(refused="header")
    rows, rejects = oracle.rows_of(lines)
    found = Reading(rejected=[reject.line for reject in rejects])
    likely = [row for row in rows if YEARS_NS[0] <= row.time_ns < YEARS_NS[1]]
    found.rejected += [row.line for row in rows if row not in likely]
    clock: int | None = None
    since_stray = STRAY_EVERY
    for at, row in enumerate(likely):
        after = [other.time_ns for other in likely[at + 1 : at + 3]]
        time = row.time_ns
        if clock is None:
            stray = len(after) == 2 and after[0] < time - LATE_NS and after[1] >= after[0] - LATE_NS
        elif time < clock - LATE_NS:
            stray = not after or after[0] >= clock - LATE_NS
            if not stray:
                return Reading(refused="goes back")
        else:
            stray = bool(after) and time > clock + LATE_NS and clock - LATE_NS <= after[0] < time - LATE_NS
        if stray and since_stray < STRAY_EVERY:
            return Reading(refused="goes back")
        if stray:
            since_stray = 0
            found.rejected.append(row.line)
            continue
        since_stray += 1
        clock = time if clock is None else max(clock, time)
        found.ticks.append((row.line, clock, row.bid, row.offer))
    found.rejected.sort()
    return found


def found(path: Path) -> tuple[Reading, Account]:
    """The product's reading."""
    reading, account, validator = Reading(), Account(), Validator()
    try:
        for batch in Recording(path, OPTIONS).batches():
            ticks = validator.ticks(batch)
            account.on_ticks(ticks)
            quotes = ticks.quotes
            columns = (ticks.place, quotes.time_ns, quotes.bid_e9, quotes.offer_e9)
            reading.ticks += zip(*(column.tolist() for column in columns), strict=True)
            reading.rejected += [row.place for _, row in ticks.rejected]
    except SourceError as failure:
        reading.refused = str(failure)
    return reading, account


# ---- edits ---------------------------------------------------------------------------------------------------------

FIELDS = (
    *("", "0", "-1", "-0", "nan", "inf", "x", "1e5", "1e-99999999", "9" * 30, "1.5", " 7", "0x1F"),
    *('"5"', "5;5", "1,5"),
)
Edit = Callable[[Random, bytes], bytes]


def _lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def byte_changed(chance: Random, content: bytes) -> bytes:
    at = chance.randrange(len(content))
    return (
        content[:at]
        + bytes([chance.choice((chance.randrange(256), ord(chance.choice("0123456789,.\n-eE"))))])
        + (content[at + 1 :])
    )


def byte_added(chance: Random, content: bytes) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + bytes([chance.choice((chance.randrange(256), 10, 13, 44, 0, 48))]) + content[at:]


def byte_cut(chance: Random, content: bytes) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + content[at + 1 :]


def field_changed(chance: Random, content: bytes) -> bytes:
    lines = _lines(content)
    at = chance.randrange(1, len(lines))
    fields = lines[at].rstrip(b"\r\n").split(b",")
    which = chance.randrange(3)
    if which == 0 and chance.random() < 0.5:
        time = int(fields[0]) + chance.choice((-1, 1)) * chance.choice((1, 900, 1_000, 1_001, 60_000, 10**8, 10**12))
        fields[0] = b"%d" % max(0, time)
    else:
        fields[which] = chance.choice(FIELDS).encode()
    lines[at] = b",".join(fields) + b"\n"
    return b"".join(lines)


def block_moved(chance: Random, content: bytes) -> bytes:
    lines = _lines(content)
    start = chance.randrange(1, len(lines))
    end = min(len(lines), start + chance.choice((1, 1, 2, 30)))
    block = lines[start:end]
    rest = lines[:start] + lines[end:]
    at = chance.randrange(1, len(rest) + 1)
    return b"".join(rest[:at] + block + rest[at:])


def block_doubled(chance: Random, content: bytes) -> bytes:
    lines = _lines(content)
    start = chance.randrange(1, len(lines))
    end = min(len(lines), start + chance.choice((1, 1, 2, 30)))
    return b"".join(lines[:end] + lines[start:])


def block_cut(chance: Random, content: bytes) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + content[start + chance.choice((1, 10, 200, 10**6)) :] or b"x"


def unit_changed(chance: Random, content: bytes) -> bytes:
    lines = _lines(content)
    at = chance.choice((1, chance.randrange(1, len(lines))))
    times = chance.choice((1_000, 1_000_000, 0.001))
    for row in range(at, len(lines)):
        time, rest = lines[row].split(b",", 1)
        lines[row] = b"%d,%s" % (int(time) * times, rest)
    return b"".join(lines)


def encoded(chance: Random, content: bytes) -> bytes:
    text = content.decode()
    return text.encode(chance.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "cp1140", "utf-7")))


def line_ends(chance: Random, content: bytes) -> bytes:
    return content.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n", b" \n", b",\n", b"\n ")))


EDITS: tuple[Edit, ...] = (
    *(byte_changed, byte_added, byte_cut, field_changed, field_changed, block_moved, block_doubled, block_cut),
    *(unit_changed, encoded, line_ends),
)


def good_file(chance: Random) -> bytes:
    time, lines = T0_MS, [HEADER]
    for _ in range(chance.choice((3, 40, 300))):
        time += chance.choice((0, 1, 250, 250, 999, 1_000, 3_000, chance.choice((5_000, 10**7))))
        bid = 10_000 + chance.randrange(-50, 50)
        lines.append(f"{time},{bid / 100},{(bid + chance.randrange(3)) / 100}")
    return ("\n".join(lines) + "\n").encode()


def check(content: bytes, path: Path) -> Reading:
    """Hold the product's reading of a file against the rules. Returns it."""
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    wanted, (reading, account) = expected(content), found(path)
    assert account.rows == account.ticks + account.rows_rejected == len(reading.ticks) + len(reading.rejected)
    assert "\n" not in reading.refused
    if reading.refused:
        assert path.name in reading.refused
        if wanted.refused == "goes back":
            assert re.search(
                r"line \d+: (its time goes back by|from here on its time is in another unit)", reading.refused
            )
        # A unit that is told by many rows is refused where the rules alone would reject all of them.
        assert wanted.refused or re.search("another unit|Is it in |holds a line of more|UTF-16", reading.refused)
    elif wanted.refused != "header":
        assert not wanted.refused
        assert (reading.ticks, sorted(reading.rejected)) == (wanted.ticks, wanted.rejected)
    return reading


@pytest.mark.parametrize("edit", dict.fromkeys(EDITS), ids=lambda edit: edit.__name__)
@pytest.mark.parametrize("seed", range(6))
def test_one_edit(seed: int, edit: Edit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        chance = Random(1000 * seed + number)
        monkeypatch.setattr(opening, "CHUNK_BYTES", chance.choice((100, 1_000, 10**6)))
        monkeypatch.setattr(csv_reader, "LINES_ONE_BY_ONE", chance.choice((1, 32)))
        content = good_file(chance)
        assert not check(content, tmp_path / "good.csv").refused
        check(edit(chance, content), tmp_path / chance.choice(("q.csv", "q.csv.gz")))


@pytest.mark.parametrize("seed", range(10))
def test_several_edits(seed: int, tmp_path: Path) -> None:
    chance = Random(seed)
    content = good_file(chance)
    for edit in chance.choices((byte_changed, field_changed, block_doubled, block_moved), k=chance.randint(2, 6)):
        try:
            content = edit(chance, content)
        except (ValueError, IndexError):  # an edit before it left nothing to edit
            break
    check(content, tmp_path / "q.csv")


def test_each_edit_is_told_or_refused_somewhere(tmp_path: Path) -> None:
    """That the edits are no trifles: of each, some change what is read."""
    for edit in dict.fromkeys(EDITS):
        noticed = 0
        for seed in range(10):
            chance = Random(seed)
            reading = check(edit(chance, good_file(chance)), tmp_path / "q.csv")
            noticed += bool(reading.refused or reading.rejected)
        assert noticed, edit.__name__


@pytest.mark.parametrize("seed", range(15))
def test_a_packed_file_with_one_wrong_byte(seed: int, tmp_path: Path) -> None:
    """What was read before the damage counts; the damage is an error, and nothing is made up."""
    chance = Random(seed)
    content = good_file(chance)
    packed = bytearray(gzip.compress(content))
    packed[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
    (tmp_path / "q.csv.gz").write_bytes(packed)
    reading, account = found(tmp_path / "q.csv.gz")
    assert account.rows == len(reading.ticks) + len(reading.rejected)
    good = expected(content)
    assert reading.refused or reading.ticks == good.ticks


def test_a_planted_fault_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that lets a row be squeezed onto the latest time differs from the rules."""
    lines = [HEADER, *(f"{T0_MS + 2_000 * n},100,100.02" for n in range(40))]
    lines[20] = f"{T0_MS},100,100.02"
    monkeypatch.setattr("tests.properties.test_bad_input.OPTIONS", ReadingOptions(year_max=2027, late_max_ns=10**15))
    with pytest.raises(AssertionError):
        check("\n".join(lines).encode(), tmp_path / "q.csv")
