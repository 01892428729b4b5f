"""Small markets for the judges."""

from pathlib import Path

from tests import oracle
from tests.system import recorded


def judged(folder: Path, seed: int, seconds: int) -> oracle.Result:
    """A market made by seed, and what the oracle says of it."""
    market = recorded.Market(seed)
    market.seconds(seconds)
    file = folder / f"quotes-{seed}.csv"
    file.write_text("\n".join(market.lines) + "\n")
    return oracle.evaluate_file(file, oracle.Settings(threshold="2", orders_per_second=1))
