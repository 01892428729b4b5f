"""A good file of three instruments with one edit: refused with its place, or every line counted once, and of the
instruments that the edit does not concern each tick as before."""

from pathlib import Path
from random import Random

import pytest

from tests.properties import test_bad_input as one
from tidewheel.recordings import csv_reader, opening
from tidewheel.recordings.accounts import Accounts
from tidewheel.recordings.dealing import each_batch
from tidewheel.recordings.instrument_column import InstrumentColumn
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.recording import Recording

ALL = ReadingOptions(year_max=2027, chosen=InstrumentColumn("sym"))
NAMES = ("AA", "B/C", "D-1")
# Of one line, or of its neighbour too; the others leave nothing that is not concerned.
OF_A_LINE = (one.byte_changed, one.byte_added, one.byte_cut, one.field_changed)
EDITS = (*OF_A_LINE, one.block_moved, one.block_doubled, one.block_cut, one.unit_changed, one.line_ends)
Ticks = dict[str, list[tuple[int, ...]]]


def good_file(chance: Random) -> bytes:
    time, lines = one.T0_MS, ["time_ms,bid,offer,sym"]
    for _ in range(chance.choice((40, 300))):
        time += chance.choice((0, 1, 250, 999, 3_000, chance.choice((5_000, 10**7))))
        bid = 10_000 + chance.randrange(-50, 50)
        lines.append(f"{time},{bid / 100},{(bid + chance.randrange(3)) / 100},{chance.choice(NAMES)}")
    return ("\n".join(lines) + "\n").encode()


def read(content: bytes, path: Path) -> tuple[Ticks, list[int], Accounts, str]:
    """Ticks of each instrument, the lines of all rows, the account, and why it is refused."""
    path.write_bytes(content)
    ticks: Ticks = {}
    places, accounts, refused = [], Accounts(), ""
    try:
        for step in Recording(path, ALL).dealt():
            for name, batch in each_batch(step):
                out = accounts.take(name, batch)
                columns = (out.quotes.time_ns, out.quotes.bid_e9, out.quotes.offer_e9)
                ticks.setdefault(name, []).extend(zip(*(column.tolist() for column in columns), strict=True))
                places += [*out.place.tolist(), *(row.place for _, row in out.rejected)]
    except SourceError as failure:
        refused = str(failure)
    return ticks, sorted(places), accounts, refused


def concerned(before: bytes, after: bytes) -> set[str]:
    """The instruments on the lines in which two files differ."""
    lines = [content.decode("utf-8", errors="replace").split("\n") for content in (before, after)]
    while all(lines) and lines[0][0] == lines[1][0]:
        lines = [rest[1:] for rest in lines]
    while all(lines) and lines[0][-1] == lines[1][-1]:
        lines = [rest[:-1] for rest in lines]
    return {line.rstrip("\r").rpartition(",")[2] for rest in lines for line in rest}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
@pytest.mark.parametrize("seed", range(4))
def test_one_edit(seed: int, edit: one.Edit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        chance = Random(1000 * seed + number)
        monkeypatch.setattr(opening, "CHUNK_BYTES", chance.choice((100, 1_000, 10**6)))
        monkeypatch.setattr(csv_reader, "LINES_ONE_BY_ONE", chance.choice((1, 32)))
        content = good_file(chance)
        before, lines, _, refused = read(content, tmp_path / "good.csv")
        assert (refused, len(lines)) == ("", content.count(b"\n") - 1)
        edited = edit(chance, content)
        after, places, accounts, refused = read(edited, tmp_path / "q.csv")
        assert accounts.total.rows == len(places) == len(set(places))
        assert sum(account.rows for account in accounts.each.values()) == accounts.total.rows
        assert "\n" not in refused
        if refused:
            assert "q.csv" in refused
            continue
        assert places == list(range(2, edited.count(b"\n") + (not edited.endswith(b"\n")) + 1))
        if edit in OF_A_LINE:
            for name in set(NAMES) - concerned(content, edited):
                assert after.get(name) == before.get(name), name
