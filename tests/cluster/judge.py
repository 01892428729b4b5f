"""What lies in the topics at the end, against the oracle: each label that was written, and none that was not."""

from itertools import islice
from pathlib import Path

from tests import oracle
from tests.cluster.kube import Kube
from tests.oracle_values import Row, Settings
from tests.system import verifier

TICKS = ("time_ns", "bid_e9", "offer_e9")


def faults(kube: Kube, instrument: str, folder: Path) -> tuple[int, list[str]]:
    """Labels compared, and what differs. Transactions are taken first: all that they follow from is there by then."""
    for topic in ("transactions", "ticks"):
        there = f"/tmp/{topic}.parquet"
        kube.tools("export", topic, "--out", there, "--instrument", instrument)
        (folder / f"{topic}.parquet").write_bytes(kube.read("exec", "tools", "--", "cat", there))
    ticks = verifier.rows(folder / "ticks.parquet", TICKS)
    result = oracle.evaluate_rows((Row(line, *tick) for line, tick in enumerate(ticks, 1)), Settings())
    got = list(verifier.rows(folder / "transactions.parquet", verifier.TRANSACTIONS))
    wanted = list(islice(verifier.wanted_transactions(instrument, result), len(got)))
    count, found = verifier.compared("transactions", wanted, got)
    return count, found if count else ["there are no transactions"]
