"""What the cores made of a market, kept in a folder outside the repository, so that it is made once.

A file's name says which market it is and of which code it was made: another walk, another family or another labeler is
another file. Files of code that is no more are left to whoever empties the folder.
"""

import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from backtest.market_columns import MarketColumns
from bench.quality.zoo.cores import batches, cores
from bench.quality.zoo.market import Market, Quoted
from services.orderbot.core import OrderRule
from tidewheel.domain.prices import Threshold

ROOT = Path(__file__).resolve().parents[3]
MADE_BY = (
    *("bench/quality/zoo/market.py", "bench/quality/zoo/functions.py", "bench/quality/zoo/cores.py"),
    *("services/ingest", "services/orderbot", "services/labeler", "tidewheel/domain", "backtest/labeling.py"),
)
ORDERS_A_SECOND = 5


class Source(Protocol):
    """A market to be made or read. `market` None: nobody knows its function."""

    @property
    def family(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def threshold(self) -> str: ...
    @property
    def identity(self) -> str:
        """What it is made of, in words: other words, another file."""
        ...

    @property
    def market(self) -> Market | None: ...
    def quotes(self) -> Iterator[Quoted]: ...


def default_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"tidewheel-zoo-{os.getuid()}"


def columns_of(source: Source, folder: Path) -> MarketColumns:
    """From the folder, or made and put there."""
    words = f"{source.identity} {source.threshold} {code()}"
    file = folder / f"{source.family}-{source.seed}-{sha256(words.encode()).hexdigest()[:12]}.npz"
    if file.exists():
        with np.load(file) as stored:
            return MarketColumns(**{name: stored[name] for name in MarketColumns.named()})
    made = cores(OrderRule(ORDERS_A_SECOND, Threshold.parse(source.threshold))).columns(batches(source.quotes()))
    _put(file, {name: getattr(made, name) for name in MarketColumns.named()})
    return made


def _put(file: Path, columns: dict[str, Any]) -> None:
    """Whole or not at all: several processes may make the same."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as part:
        np.savez_compressed(part, **columns)
    os.replace(part.name, file)


@lru_cache
def code() -> str:
    digest = sha256()
    for name in MADE_BY:
        path = ROOT / name
        for source in sorted(path.rglob("*.py")) if path.is_dir() else (path,):
            digest.update(source.read_bytes())
    return digest.hexdigest()
