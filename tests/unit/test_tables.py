"""Exported rows, by hand: names, order and values of columns for one record of each kind."""

from typing import Any

import numpy as np
import pytest

from tests.conformance.make_examples import AT, INSTRUMENT, SECOND, VALUES, busy_second, quiet_second
from tests.conformance.records import CODECS
from tidewheel.contracts.codecs.labeler_state import frontier_key, snapshot_key
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.tables import TABLE_VIEWS, ColumnType
from tidewheel.contracts.topics import TOPICS
from tidewheel.domain.features import FEATURE_COUNT, SCHEMA_HASH
from tidewheel.domain.prices import E9


def rows(name: str, *records: Any) -> list[dict[str, Any]]:
    """Rows of a view, missing values as None."""
    columns = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in TABLE_VIEWS[name].columns(records).items()}
    assert list(columns) == list(TABLE_VIEWS[name].schema)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_every_topic_can_be_exported() -> None:
    assert {view.topic.name for view in TABLE_VIEWS.values()} == set(TOPICS)
    assert set(TABLE_VIEWS) == {*TOPICS, "bars"}


@pytest.mark.parametrize("name", TABLE_VIEWS)
def test_prices_are_known_by_their_name(name: str) -> None:
    for column, kind in TABLE_VIEWS[name].schema.items():
        assert (kind is ColumnType.PRICE) == column.endswith("_e9")


@pytest.mark.parametrize("name", TABLE_VIEWS)
def test_no_records_have_all_columns(name: str) -> None:
    assert rows(name) == []


def test_ticks_are_one_row_a_quote() -> None:
    first, second, third = rows("ticks", busy_second(), quiet_second())
    assert first == {
        "instrument": INSTRUMENT,
        "session": 2,
        "seq": 40,
        "time_ns": AT + 1,
        "bid_e9": 100 * E9,
        "offer_e9": 101 * E9,
        "bid_size_e9": 5,
        "offer_size_e9": 6,
        "venue_time_ns": AT - 3,
        "venue_seq": 11,
        "flags": 1,
        "connection_epoch": 3,
        "source_kind": "LIVE",
    }
    assert [row["seq"] for row in (second, third)] == [41, 42]
    # What a venue does not give is missing, and no number.
    assert (second["bid_size_e9"], second["venue_time_ns"], second["venue_seq"]) == (None, None, None)
    assert (third["offer_size_e9"], third["bid_size_e9"]) == (None, 7)


def test_bars_are_one_row_a_second() -> None:
    busy, quiet = rows("bars", busy_second(), quiet_second())
    assert busy == {
        "instrument": INSTRUMENT,
        "session": 2,
        "second": SECOND,
        "bid_e9": 102 * E9,
        "offer_e9": 102 * E9,
        "mid_open_e9": 100_500_000_000,
        "mid_high_e9": 102 * E9,
        "mid_low_e9": 100_500_000_000,
        "tick_count": 3,
        "last_seq": 42,
        "stale": False,
        "day_open_e9": 100_500_000_000,
        "day_high_e9": 102 * E9,
        "day_low_e9": 100_500_000_000,
        "ends_session": False,
        "source_kind": "LIVE",
    }
    assert [quiet[f"mid_{word}_e9"] for word in ("open", "high", "low")] == [102 * E9] * 3
    assert (quiet["tick_count"], quiet["last_seq"], quiet["stale"], quiet["ends_session"]) == (0, 42, True, True)


def test_orders_are_one_row_an_order() -> None:
    first, second = rows("orders", VALUES["orders", "two.orders"], VALUES["orders", "none.orders"])
    assert first == {
        "instrument": INSTRUMENT,
        "second": SECOND,
        "order_id": SECOND * 1000 + 1,
        "placed_ns": AT + 2 * 10**8,
        "bid_e9": 100 * E9,
        "offer_e9": 101 * E9,
        "upper_e9": 111 * E9,
        "lower_e9": 91 * E9,
    }
    assert second["order_id"] == SECOND * 1000 + 4


def test_a_transaction() -> None:
    assert rows("transactions", VALUES["transactions", "expired.transaction"]) == [
        {
            "instrument": INSTRUMENT,
            "order_id": SECOND * 1000 + 1,
            "placed_ns": AT,
            "entry_e9": 101 * E9,
            "upper_e9": 111 * E9,
            "lower_e9": 91 * E9,
            "resolved_ns": AT + E9,
            "resolved_seq": 50,
            "exit_e9": 90 * E9,
            "outcome": "EXPIRED",
            "pnl_e9": -11 * E9,
        }
    ]


def test_an_example() -> None:
    (row,) = rows("examples", VALUES["examples", "one.example"])
    features = row.pop("features")
    assert row == {
        "instrument": INSTRUMENT,
        "example_seq": 7,
        "order_id": SECOND * 1000 + 1,
        "placed_ns": AT,
        "resolved_ns": AT + E9,
        "label": 0,
        "schema_hash": SCHEMA_HASH,
    }
    assert features == [index / 8 for index in range(FEATURE_COUNT)]


def test_a_prediction() -> None:
    now, given = rows("predictions", *(VALUES["predictions", f"{name}.prediction"] for name in ("now", "row")))
    assert now.pop("features") == given.pop("features") == [index / 8 for index in range(FEATURE_COUNT)]
    assert (now["method"], now["score"], now["second"], now["bid_e9"], now["quote_given"]) == (
        *("PredictNow", 0.5, SECOND, 100 * E9),
        True,
    )
    assert (now["flags"], now["candidate_seq"], now["candidate_score"]) == ("drift", 4, 0.75)
    assert (given["flags"], given["second"], given["candidate_label"]) == ("novel_input,no_evidence", 0, 0)


def test_a_training_run_says_what_its_step_speaks_of() -> None:
    names = ("trial", "split", "published", "refused", "scored")
    trial, split, published, refused, scored = rows(
        "training-runs", *(VALUES["training-runs", f"{name}.run_event"] for name in names)
    )
    assert (trial["step"], trial["trial_number"], trial["trial_precision"], trial["trial_feasible"]) == (
        *("TRIAL", 2, 0.33),
        True,
    )
    assert (trial["trial_mini_batch_size"], trial["trial_use_bias"], trial["sha256"]) == (200, True, None)
    assert [split[f"split_{part}"] for part in ("training", "validation", "test", "purged")] == [70, 15, 14, 1]
    assert (published["verdict"], published["test_recall"], published["next_recall"]) == ("published", 0.5, None)
    assert (refused["reason"], refused["verdict"], refused["test_recall"]) == ("one_class", "refused", None)
    assert (scored["next_hits"], scored["next_pnl_e9"], scored["verdict"]) == (2, 7 * E9, None)


def test_a_change_of_a_feed_and_a_dead_letter() -> None:
    assert rows("feed-status", VALUES["feed-status", "gap.feed_status"]) == [
        {
            "instrument": INSTRUMENT,
            "event": "GAP",
            "time_ns": AT,
            "connection_epoch": 3,
            "detail": "12 messages missed",
            "source_kind": "LIVE",
        }
    ]
    (letter,) = rows("dead-letters", VALUES["dead-letters", "crossed.dead_letter"])
    assert (letter["service"], letter["source"], letter["offset"]) == ("ingest", "replay:quotes.csv", 17)
    assert (letter["reason"], letter["raw"], letter["key"]) == ("crossed", b"1,101,100", b"")


def test_the_labelers_state_is_known_by_its_key() -> None:
    view = TABLE_VIEWS["labeler-state"]
    encoded = {kind: CODECS[kind][0](VALUES["labeler-state", f"one.{kind}"]) for kind in ("frontier", "snapshot")}
    frontier = view.decode(frontier_key(INSTRUMENT), encoded["frontier"])
    snapshot = view.decode(snapshot_key(INSTRUMENT, 0), encoded["snapshot"])
    first, second = rows("labeler-state", frontier, snapshot)
    assert (first["kind"], first["second"], first["example_seq"], first["transactions"]) == ("frontier", SECOND, 7, 9)
    assert (first["payload"], second["example_seq"]) == (None, None)
    assert (second["kind"], second["ticks_offset"], second["parts"]) == ("snapshot", 5, 1)
    with pytest.raises(InvalidRecordError):
        view.decode(b"elsewhere", encoded["frontier"])
