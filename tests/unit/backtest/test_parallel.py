"""The comparison as a whole on small files: by one process or several it is the same, and what fails is one line."""

import errno
import io
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from backtest import parallel, results
from backtest.labeling import LabelingConfig
from backtest.market_columns import MarketColumns
from backtest.plan import ComparisonRequest, Configuration
from backtest.progress import CLEAR, ProgressFile, ProgressLine
from services.ingest.seconds import SessionRules
from services.orderbot.core import OrderRule
from services.trainer.settings import Settings
from tests.system import recorded
from tidewheel.domain.prices import Threshold
from tidewheel.recordings.options import NO_OPTIONS
from tidewheel.runtime.process import FatalError

TRAINER = Settings(window=800, trials=1, memory=2)
INSTRUMENT = "replay:MADE"


def configuration(threshold: str, seed: int) -> Configuration:
    how = LabelingConfig(SessionRules(600, 60), OrderRule(2, Threshold.parse(threshold)))
    return Configuration(f"threshold {threshold} seed {seed}", {}, how, replace(TRAINER, seed=seed))


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> ComparisonRequest:
    folder = tmp_path_factory.mktemp("made")
    files = tuple(recorded.write(folder / f"{seed}.csv", seed) for seed in (4, 5))
    configurations = configuration("5", 1), configuration("5", 2), configuration("8", 1)
    return ComparisonRequest(files, configurations, INSTRUMENT, 0, 1, "loky")


def answer(request: ComparisonRequest) -> dict[str, object]:
    found = parallel.compare(request)
    return results.as_dict(request, found, results.summarize(request, found))


def test_the_same_by_one_process_and_by_several_at_once(
    request_: ComparisonRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    one = answer(request_)
    assert answer(replace(request_, jobs=2, backend="threading")) == one
    files = one["files"]
    assert isinstance(files, list)
    hashes = [[m["sha256"] for m in c["models"]] for file in files for c in file["configurations"]]
    assert all(map(any, hashes))
    assert len({tuple(each) for each in hashes}) == len(hashes) == 6
    assert len(request_.labelings) == 2


def test_a_file_that_breaks_off_is_one_line(request_: ComparisonRequest, tmp_path: Path) -> None:
    file = tmp_path / "late.csv"
    file.write_text("time_ms,bid,offer\n1700000000000,5,4\n")
    parallel.check_file(file, NO_OPTIONS)
    with pytest.raises(FatalError, match=r"late.csv: it holds no usable quote"):
        parallel.compare(replace(request_, files=(file,)))


def test_a_full_disk_is_one_line_and_leaves_nothing(
    request_: ComparisonRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: MarketColumns, folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))

    monkeypatch.setattr(MarketColumns, "save", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(FatalError, match=r"cannot go on: .*No space left on device"):
        parallel.compare(replace(request_, files=request_.files[:1]))
    assert list(tmp_path.iterdir()) == []


def test_a_note_is_a_number_or_none_yet(tmp_path: Path) -> None:
    note = ProgressFile(tmp_path / "note")
    assert note.read() == 0
    note.put(12)
    assert note.read() == 12
    (tmp_path / "note").write_text("")
    assert note.read() == 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()])
def test_a_line_that_changes_on_a_terminal_and_lines_elsewhere(out: io.StringIO) -> None:
    lines = iter(("one", "one", "two"))
    progress = ProgressLine(lambda: "", out)
    for line in lines:
        progress.show(line)
    assert out.getvalue() == (f"{CLEAR}one{CLEAR}two" if out.isatty() else "one\ntwo\n")
