"""The account of a recording: every row once, and its words."""

import json

import numpy as np
import pytest

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import Quotes, TickFlag
from tidewheel.recordings.account import Account, Anomaly, account_lines, notable_rows, reasons_text
from tidewheel.recordings.quotes import ParseFlag, RejectedRow, TickBatch


def batch(
    first: int, flags: list[int], parse_flags: list[int] | None = None, rejected: int = 0, left_out: int = 0
) -> TickBatch:
    ones = np.ones(len(flags), dtype=np.int64)
    rows = [(0, RejectedRow(first + 100 + n, DeadLetterReason.CROSSED, f"row {n}", b"", 0)) for n in range(rejected)]
    return TickBatch(
        Quotes(ones, ones, ones, flags=np.array(flags, dtype=np.uint16)),
        np.arange(first, first + len(flags)),
        rows,
        parse_flags=np.array(parse_flags or [], dtype=np.uint8),
        left_out=left_out,
    )


def told() -> Account:
    account = Account()
    account.on_ticks(batch(2, [0, TickFlag.LATE, TickFlag.LOCKED | TickFlag.LATE], rejected=1))
    account.on_ticks(batch(5, [0, 0], [0, ParseFlag.SIZE_LEFT_OUT | ParseFlag.PRICE_ROUNDED], rejected=2, left_out=4))
    account.on_ticks(batch(7, [TickFlag.LATE]))
    account.on_ticks(batch(8, []))
    return account


def test_every_row_once_and_each_kind_with_its_first_and_last_place() -> None:
    account = told()
    assert (account.ticks, account.rows_rejected, account.rows, account.others) == (6, 3, 9, 4)
    kinds = {kind: (entry.count, entry.first_place, entry.last_place) for kind, entry in account.anomalies.items()}
    assert kinds == {
        Anomaly.LATE: (3, 3, 7),
        Anomaly.LOCKED: (1, 4, 4),
        Anomaly.SIZE_LEFT_OUT: (1, 6, 6),
        Anomaly.PRICE_ROUNDED: (1, 6, 6),
    }
    assert account.notable == 9 == notable_rows(account.as_dict())


def test_its_words() -> None:
    values = told().as_dict(lambda place: f"q.csv, line {place}")
    assert account_lines(values) == [
        "9 rows read = 6 ticks + 3 rejected; 4 of other instruments were passed over",
        "rejected as crossed: 3 rows, q.csv, line 102 to q.csv, line 106: row 0",
        "3 rows, q.csv, line 3 to q.csv, line 7: came a little late and were moved onto the latest time",
        "1 row, q.csv, line 4: have a bid that equals the offer",
        "1 row, q.csv, line 6: have a price of more than nine decimals, which was rounded",
        "1 row, q.csv, line 6: have a size that cannot be kept and was left out",
        "WARNING: 33.3% of the rows read were rejected: is this what it is taken for?",
    ]
    assert reasons_text(values) == "3 crossed, the first q.csv, line 102: row 0"


def test_it_comes_back_from_its_json() -> None:
    values = told().as_dict()
    assert Account.parsed(json.dumps(values)) == values


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '{"rows": 1}', '{"rows":1,"ticks":1,"rejected":0}'])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"account|Expecting"):
        Account.parsed(text)
