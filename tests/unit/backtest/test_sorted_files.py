"""Files out of order, sorted: the labels are those of the quotes in order, and without sorting there are none."""

from pathlib import Path
from random import Random

import pytest

from backtest.labeling import LabelingConfig, LabelingPipeline
from services.ingest.seconds import SessionRules
from services.ingest.sources.replay import Replay
from services.orderbot.core import OrderRule
from tidewheel.domain.orders import Outcome
from tidewheel.domain.prices import Threshold
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.quotes import SourceError

HOW = LabelingConfig(SessionRules(), OrderRule(5, Threshold.parse("0.05")))
SORTED = ReadingOptions(sort=True, year_max=2027)
T0_MS = 1_714_521_600_000


def outcomes(path: Path, options: ReadingOptions) -> tuple[int, int, int]:
    pipeline = LabelingPipeline("replay:TEST", HOW)
    for _ in pipeline.examples(Replay(path, options).items()):
        pass
    counts = pipeline.counts.outcomes
    return counts[Outcome.PROFIT], counts[Outcome.LOSS], counts[Outcome.VOID]


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(["time_ms,bid,offer", *lines, ""]))
    return path


@pytest.mark.parametrize("disorder", ["reversed", "in turn", "by chance"])
def test_labels_are_those_of_the_quotes_in_order(disorder: str, tmp_path: Path) -> None:
    chance, cents, lines = Random(5), 10_000, []
    for second in range(1_200):
        cents += chance.choice((-3, -1, 0, 1, 3))
        lines.append(f"{T0_MS + 1_000 * second + chance.randrange(900)},{cents / 100},{(cents + 1) / 100}")
    ordered = outcomes(written(tmp_path / "ordered.csv", lines), ReadingOptions(year_max=2027))
    assert min(ordered[:2]) > 100
    if disorder == "reversed":
        mixed = lines[::-1]
    elif disorder == "in turn":
        mixed = [line for pair in zip(lines[:600], lines[600:], strict=True) for line in pair]
    else:
        mixed = chance.sample(lines, len(lines))
    path = written(tmp_path / "mixed.csv", mixed)
    with pytest.raises(SourceError, match="its time goes back"):
        outcomes(path, ReadingOptions(year_max=2027))
    assert outcomes(path, SORTED) == ordered


@pytest.mark.parametrize(("name", "wanted"), [("descending", (540, 1_407, 50)), ("interleaved", (583, 1_358, 350))])
def test_the_awkward_files(name: str, wanted: tuple[int, int, int], shared_data: Path) -> None:
    assert outcomes(shared_data / "awkward" / f"{name}.csv", SORTED) == wanted
