"""The job, for any framework that keeps bytes under a key: one market second with its orders in, messages out.

Numpy on columns, as a user who has read the framework's documentation and knows what Python costs would write it. State
is read from the store before each second and put back after it: what is only in memory would be lost with the process.
"""

import struct
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.features import FEATURES_BYTES, SCHEMA_HASH
from tidewheel.wire.v1.market_pb2 import MarketSecond
from tidewheel.wire.v1.orders_pb2 import (
    OUTCOME_LOSS,
    OUTCOME_PROFIT,
    OUTCOME_VOID,
    Example,
    Outcome,
    SecondOrders,
    Transaction,
)

Int64 = NDArray[np.int64]
Output = tuple[Transaction, Example | None]

NS_PER_S = 1_000_000_000
HISTORY_S = 600
ORDER_ID, PLACED_NS, BID, OFFER, UPPER, LOWER = range(6)
ORDER_COLUMNS = 6
# Closing mid, day's open, high, low.
PAST_COLUMNS = 4
HEAD = struct.Struct("<7q")
PAST_ROW = struct.Struct("<4q")
# Seconds of the past under one key: a second rewrites one of these, features read a few.
BLOCK_S = 120
NOTHING = b""


class Store(Protocol):
    """The state of one instrument in the framework's store."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, value: bytes) -> None: ...

    def drop(self, key: str) -> None: ...


@dataclass(slots=True)
class InstrumentState:
    """Where an instrument stands. `second` is the last one taken, `session` 0 where none is open."""

    session: int = 0
    first_second: int = 0
    second: int = 0
    next_seq: int = 0
    close_bid: int = 0
    oldest_block: int = 0
    examples: int = 0

    @classmethod
    def load(cls, store: Store) -> "InstrumentState":
        packed = store.get("head")
        return cls(*HEAD.unpack(packed)) if packed else cls()

    def save(self, store: Store) -> None:
        store.put(
            "head",
            HEAD.pack(
                *(self.session, self.first_second, self.second, self.next_seq),
                *(self.close_bid, self.oldest_block, self.examples),
            ),
        )

    def continued_by(self, second: MarketSecond) -> bool:
        return (second.session, second.second, second.first_seq) == (self.session, self.second + 1, self.next_seq)


def on_second(store: Store, second: MarketSecond) -> list[Output]:
    """A market second has come; what it resolves, once its orders are there too."""
    key = f"orders/{second.second}"
    orders = store.get(key)
    if orders is None:
        store.put(f"second/{second.second}", second.SerializeToString())
        return []
    store.drop(key)
    return label(store, second, SecondOrders.FromString(orders))


def on_orders(store: Store, orders: SecondOrders) -> list[Output]:
    """The orders of a second have come; what they and it resolve, once it is there too."""
    key = f"second/{orders.second}"
    second = store.get(key)
    if second is None:
        store.put(f"orders/{orders.second}", orders.SerializeToString())
        return []
    store.drop(key)
    return label(store, MarketSecond.FromString(second), orders)


def label(store: Store, second: MarketSecond, orders: SecondOrders) -> list[Output]:
    """The next second of an instrument and its orders; what ends in it, in canonical order."""
    head, outputs = InstrumentState.load(store), []
    if not head.continued_by(second):
        outputs += end_session(store, head, second.instrument)
        head.session, head.first_second = second.session, second.second
        head.oldest_block = second.second // BLOCK_S
    outputs += touched(store, head, second, orders)
    remember(store, head, second)
    if second.ends_session:
        outputs += end_session(store, head, second.instrument)
    head.save(store)
    return outputs


def touched(store: Store, head: InstrumentState, second: MarketSecond, orders: SecondOrders) -> list[Output]:
    """Take in new orders and end those whose threshold the bid has touched."""
    stored, placed = store.get("open") or NOTHING, placed_rows(orders)
    rows = np.frombuffer(stored + placed.tobytes(), dtype=np.int64).reshape(-1, ORDER_COLUMNS)
    if not second.count:
        if len(placed):
            store.put("open", rows.tobytes())
        return []
    times, bids = np.frombuffer(second.time_ns, dtype=np.int64), np.frombuffer(second.bid_e9, dtype=np.int64)
    near = np.flatnonzero((rows[:, UPPER] <= bids.max()) | (rows[:, LOWER] >= bids.min()))
    ticks = first_touches(rows[near], times, bids, second.second * NS_PER_S)
    found = ticks < len(bids)
    ended, ticks = near[found], ticks[found]
    if len(ended) or len(placed):
        store.put("open", np.delete(rows, ended, axis=0).tobytes() if len(ended) else rows.tobytes())
    if not len(ended):
        return []
    order = np.lexsort((rows[ended, ORDER_ID], ticks))
    return touch_messages(store, head, second, rows[ended[order]], ticks[order])


def placed_rows(orders: SecondOrders) -> Int64:
    """The orders of a second, a row each."""
    columns = (orders.order_id, orders.placed_ns, orders.bid_e9, orders.offer_e9, orders.upper_e9, orders.lower_e9)
    return np.stack([np.frombuffer(column, dtype=np.int64) for column in columns], axis=1)


def first_touches(rows: Int64, times: Int64, bids: Int64, start_ns: int) -> Int64:
    """Of each order the first tick that touches a threshold after it was placed; the number of ticks for none."""
    ticks = np.minimum(
        np.maximum.accumulate(bids).searchsorted(rows[:, UPPER]),
        np.negative(np.minimum.accumulate(bids)).searchsorted(-rows[:, LOWER]),
    )
    for row in np.flatnonzero(rows[:, PLACED_NS] >= start_ns):
        after = int(times.searchsorted(rows[row, PLACED_NS], side="right"))
        later = np.flatnonzero((bids[after:] >= rows[row, UPPER]) | (bids[after:] <= rows[row, LOWER]))
        ticks[row] = after + later[0] if len(later) else len(bids)
    return ticks


def touch_messages(
    store: Store, head: InstrumentState, second: MarketSecond, rows: Int64, ticks: Int64
) -> list[Output]:
    """Transactions and examples of orders that end by a touch at these ticks of a second, in canonical order."""
    times = np.frombuffer(second.time_ns, dtype=np.int64)[ticks].tolist()
    exits = np.frombuffer(second.bid_e9, dtype=np.int64)[ticks].tolist()
    featured = rows[:, PLACED_NS] >= (head.first_second + HISTORY_S) * NS_PER_S
    features = iter(cut(store, head, rows[featured]) if featured.any() else ())
    outputs: list[Output] = []
    for row, tick, time_ns, exit_e9, has_features in zip(
        rows.tolist(), ticks.tolist(), times, exits, featured.tolist(), strict=True
    ):
        outcome = OUTCOME_PROFIT if exit_e9 >= row[UPPER] else OUTCOME_LOSS
        transaction = message(second.instrument, head.session, row, time_ns, second.first_seq + tick, exit_e9, outcome)
        example = None
        if has_features:
            head.examples += 1
            example = example_of(transaction, head.examples, next(features))
        outputs.append((transaction, example))
    return outputs


def message(
    instrument: str, session: int, row: list[int], resolved_ns: int, seq: int, exit_e9: int, outcome: Outcome
) -> Transaction:
    return Transaction(
        instrument=instrument,
        order_id=row[ORDER_ID],
        session=session,
        placed_ns=row[PLACED_NS],
        entry_e9=row[OFFER],
        upper_e9=row[UPPER],
        lower_e9=row[LOWER],
        resolved_ns=resolved_ns,
        resolved_seq=seq,
        exit_e9=exit_e9,
        outcome=outcome,
        pnl_e9=exit_e9 - row[OFFER],
    )


def example_of(transaction: Transaction, seq: int, features: bytes) -> Example:
    return Example(
        instrument=transaction.instrument,
        example_seq=seq,
        order_id=transaction.order_id,
        placed_ns=transaction.placed_ns,
        resolved_ns=transaction.resolved_ns,
        label=int(transaction.outcome == OUTCOME_PROFIT),
        schema_hash=SCHEMA_HASH,
        features=features,
        pnl_e9=transaction.pnl_e9,
    )


def cut(store: Store, head: InstrumentState, rows: Int64) -> list[bytes]:
    """Features of orders whose 600 seconds before their own are in the store."""
    seconds = rows[:, PLACED_NS] // NS_PER_S
    first, last = int(seconds.min()) - HISTORY_S, int(seconds.max()) - 1
    blocks = range(first // BLOCK_S, last // BLOCK_S + 1)
    stored = b"".join(store.get(f"past/{block}") or NOTHING for block in blocks)
    past = np.frombuffer(stored, dtype=np.int64).reshape(-1, PAST_COLUMNS)
    before = seconds - 1 - max(head.first_second, blocks.start * BLOCK_S)
    windows = np.lib.stride_tricks.sliding_window_view(past[:, 0], HISTORY_S)
    values = np.concatenate(
        [rows[:, [BID, OFFER]], past[before, 1:], windows[before - (HISTORY_S - 1), ::-1]], axis=1, dtype=np.int64
    )
    mids = rows[:, BID] + (rows[:, OFFER] - rows[:, BID]) // 2
    packed = ((values - mids[:, np.newaxis]) / 1e9).astype("<f4").tobytes()
    return [packed[at : at + FEATURES_BYTES] for at in range(0, len(packed), FEATURES_BYTES)]


def remember(store: Store, head: InstrumentState, second: MarketSecond) -> None:
    """The second is over: its closing mid and the day's figures belong to the past."""
    block = second.second // BLOCK_S
    key = f"past/{block}"
    mid = second.close_bid_e9 + (second.close_offer_e9 - second.close_bid_e9) // 2
    earlier = store.get(key)
    if earlier is None:
        forget(store, head, block)
    row = PAST_ROW.pack(mid, second.day_open_e9, second.day_high_e9, second.day_low_e9)
    store.put(key, (earlier or NOTHING) + row)
    head.second, head.close_bid = second.second, second.close_bid_e9
    head.next_seq = second.first_seq + second.count


def forget(store: Store, head: InstrumentState, block: int) -> None:
    """A new block begins: drop those that no open order looks back on."""
    rows = np.frombuffer(store.get("open") or NOTHING, dtype=np.int64).reshape(-1, ORDER_COLUMNS)
    placed = rows[rows[:, PLACED_NS] >= (head.first_second + HISTORY_S) * NS_PER_S, PLACED_NS]
    oldest_second = int(placed[0]) // NS_PER_S if len(placed) else block * BLOCK_S
    needed = max(head.oldest_block, (oldest_second - HISTORY_S) // BLOCK_S)
    for old in range(head.oldest_block, needed):
        store.drop(f"past/{old}")
    head.oldest_block = needed


def end_session(store: Store, head: InstrumentState, instrument: str) -> list[Output]:
    """The session is over: what is open is void, and nothing reaches across."""
    if not head.session:
        return []
    rows = np.frombuffer(store.get("open") or NOTHING, dtype=np.int64).reshape(-1, ORDER_COLUMNS)
    ends_ns, seq = (head.second + 1) * NS_PER_S, head.next_seq - 1
    outputs: list[Output] = [
        (message(instrument, head.session, row, ends_ns, seq, head.close_bid, OUTCOME_VOID), None)
        for row in rows.tolist()
    ]
    store.drop("open")
    for block in range(head.oldest_block, head.second // BLOCK_S + 1):
        store.drop(f"past/{block}")
    head.session = 0
    return outputs
