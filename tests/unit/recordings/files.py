"""What a recorded file says, as plain values."""

from pathlib import Path

import numpy as np

from tidewheel.recordings.account import Account
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.quotes import RejectedRow
from tidewheel.recordings.recording import Recording
from tidewheel.recordings.validator import Validator


def read(path: Path, options: ReadingOptions | None = None) -> tuple[list[tuple[int, ...]], list[RejectedRow]]:
    """Ticks as (time, bid, offer, bid size, offer size) and rejected rows."""
    ticks: list[tuple[int, ...]] = []
    rejected: list[RejectedRow] = []
    validator = Validator()
    for batch in Recording(path, options or ReadingOptions()).batches():
        out = validator.ticks(batch)
        quotes = out.quotes
        none = np.full(len(quotes), -1)
        sizes = [c if len(c) else none for c in (quotes.bid_size_e9, quotes.offer_size_e9)]
        columns = [c.tolist() for c in (quotes.time_ns, quotes.bid_e9, quotes.offer_e9, *sizes)]
        ticks += zip(*columns, strict=True)
        rejected += [row for _, row in out.rejected]
    return ticks, rejected


def told(path: Path, options: ReadingOptions) -> Account:
    """The account of a file."""
    account, validator = Account(), Validator()
    for batch in Recording(path, options).batches():
        account.on_ticks(validator.ticks(batch))
    return account
