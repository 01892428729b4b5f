"""Checkpoints, what is buffered, and what a commit holds."""

import numpy as np
import pytest

from services.labeler import partition as partition_module
from services.labeler.backpressure import PAUSE_ABOVE_BYTES, RESUME_BELOW_BYTES, Backpressure, BufferedRecords
from services.labeler.checkpoint import (
    PART_BYTES_MAX,
    CheckpointError,
    Record,
    part_tombstones,
    read_checkpoints,
    snapshot_records,
)
from services.labeler.config import LabelerConfig
from services.labeler.partition import TOPICS, Partition
from services.labeler.settings import Settings
from tests.unit.labeler.tape import INSTRUMENT, START, Tape
from tidewheel.contracts.codecs.labeler_state import decode_state, encode_state, frontier_key, snapshot_key
from tidewheel.contracts.topics import ORDERS, TICKS
from tidewheel.domain.labeler_state import Frontier, LabelerState
from tidewheel.domain.orders import ExitOn
from tidewheel.runtime.settings import SettingsError, load

CONFIG = LabelerConfig()
TICKS_NAME, ORDERS_NAME = TICKS.name, ORDERS.name


def state(orders: int = 3, second: int = START) -> LabelerState:
    table = np.arange(6 * orders, dtype=np.int64).reshape(6, orders)
    return LabelerState(INSTRUMENT, Frontier(second, 2, 5), 1, True, START - 9, 77, 100, 101, table[:4], table)


def step(one: Partition, tape: Tape, at: int, offset: int | None = None) -> int:
    """The tape's second `at` on both topics, at offsets of ten times that; the number of outputs."""
    offset = 10 * at if offset is None else offset
    one.mark_read(TICKS_NAME, offset)
    outputs = one.on_second(offset, 100, tape.seconds[at])
    one.mark_read(ORDERS_NAME, offset)
    return len(outputs + one.on_orders(offset, 100, tape.orders[at]))


def topic_after(records: list[Record]) -> list[Record]:
    """What compaction leaves."""
    return list(dict(records).items())


# ---- checkpoints ---------------------------------------------------------------------------------------------------


def test_a_state_survives_its_encoding() -> None:
    for one in (state(), LabelerState(INSTRUMENT, Frontier(5, 1, 1))):
        again = decode_state(encode_state(one))
        assert encode_state(again) == encode_state(one)
        assert again.orders.tolist() == one.orders.tolist()


def test_a_large_state_is_saved_in_parts_and_the_parts_left_of_a_larger_one_are_removed() -> None:
    large, small = state(orders=40_000), state(orders=2, second=START + 9)
    parts = snapshot_records(large, 11, 12, str(CONFIG))
    assert len(parts) == 7
    assert all(len(value or b"") < 1.01 * PART_BYTES_MAX for _, value in parts)
    one = Partition(CONFIG)
    step(one, Tape().second([(0, 100, 101)]), 0)
    frontier = dict(one.checkpoint_records())[frontier_key(INSTRUMENT)]
    saved = read_checkpoints([(frontier_key(INSTRUMENT), frontier), *parts], str(CONFIG))[INSTRUMENT]
    assert (saved.state.orders == large.orders).all()
    assert (saved.ticks_offset, saved.orders_offset, saved.parts) == (11, 12, 7)
    later = [(frontier_key(INSTRUMENT), frontier), *parts, *snapshot_records(small, 21, 22, str(CONFIG))]
    assert (read_checkpoints(later, str(CONFIG))[INSTRUMENT].state.orders == small.orders).all()
    later += part_tombstones(INSTRUMENT, 1, 7)
    assert [key for key, value in topic_after(later) if value is not None] == [
        frontier_key(INSTRUMENT),
        snapshot_key(INSTRUMENT, 0),
    ]


def records_of_one() -> list[Record]:
    one = Partition(CONFIG)
    step(one, Tape().second([(0, 100, 101)]), 0)
    return list(one.checkpoint_records())


def test_what_cannot_be_gone_on_from_says_so() -> None:
    frontier, snapshot = records_of_one()
    with pytest.raises(
        CheckpointError, match="settings that shape labels changed: sim:TEST was labelled with exit_on=bid"
    ):
        read_checkpoints([frontier, snapshot], str(LabelerConfig(ExitOn.MID)))
    with pytest.raises(CheckpointError, match="no complete snapshot of sim:TEST is left"):
        read_checkpoints([frontier], str(CONFIG))
    with pytest.raises(CheckpointError, match="no complete snapshot"):
        read_checkpoints([frontier, snapshot_records(state(40_000), 1, 1, str(CONFIG))[1]], str(CONFIG))
    with pytest.raises(CheckpointError, match="none of the labeler's"):
        read_checkpoints([(b"sim:TEST|nonsense", b"")], str(CONFIG))
    with pytest.raises(CheckpointError, match="cannot be used"):
        read_checkpoints([(frontier_key(INSTRUMENT), b"\xff")], str(CONFIG))


# ---- backpressure --------------------------------------------------------------------------------------------------


def test_the_first_record_in_the_buffer_is_where_reading_would_begin_again() -> None:
    buffered = BufferedRecords()
    assert buffered.first_offset is None
    for second, offset in ((5, 50), (6, 60), (5, 61), (7, 70)):
        buffered.add(second, offset, 10)
    assert (buffered.release(4), buffered.first_offset) == (0, 50)
    assert (buffered.release(5), buffered.first_offset) == (10, 60)
    assert (buffered.release(6), buffered.first_offset) == (20, 70)
    assert (buffered.release(7), buffered.first_offset, buffered.payload_bytes) == (10, None, 0)


def test_the_topic_that_is_ahead_is_paused_till_the_other_has_caught_up_and_never_both() -> None:
    backpressure = Backpressure()
    ticks_paused: list[bool] = []
    for payload in (
        PAUSE_ABOVE_BYTES,
        PAUSE_ABOVE_BYTES + 1,
        RESUME_BELOW_BYTES,
        RESUME_BELOW_BYTES - 1,
        PAUSE_ABOVE_BYTES,
    ):
        backpressure.payload_bytes[TICKS_NAME] = payload
        ticks_paused.append(backpressure.paused() == {TICKS_NAME})
    assert ticks_paused == [False, True, True, False, False]
    backpressure.payload_bytes = dict.fromkeys(TOPICS, PAUSE_ABOVE_BYTES + 1)
    assert backpressure.paused() == set()
    backpressure.payload_bytes[TICKS_NAME] = 0
    assert backpressure.paused() == {ORDERS_NAME}


# ---- a partition ---------------------------------------------------------------------------------------------------


def test_the_first_commit_of_an_instrument_holds_a_snapshot_later_ones_when_it_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partition_module, "SNAPSHOT_RECORDS_MIN", 6)
    tape, one = Tape().second([(0, 100, 101)]).quiet(9), Partition(CONFIG)
    kinds = []
    for at in range(10):
        step(one, tape, at, offset=at)
        kinds.append([key.decode().split("|")[1] for key, _ in one.checkpoint_records()])
    # The state's size asks for more than six records now and then.
    assert kinds[0] == ["frontier", "snapshot"]
    assert [kind for kind in kinds[1:] if "snapshot" in kind] == [["frontier", "snapshot"]] * 3
    assert list(one.checkpoint_records()) == []


def test_positions_stop_at_what_is_not_labeled_and_never_go_back() -> None:
    tape, one = Tape().second([(0, 100, 101)]).quiet(9), Partition(CONFIG, committed={TICKS_NAME: 3, ORDERS_NAME: 5})
    assert one.start_offsets == {TICKS_NAME: 3, ORDERS_NAME: 5}
    assert one.positions() == {}
    step(one, tape, 0)
    for at in range(1, 5):
        one.mark_read(TICKS_NAME, 10 * at)
        one.on_second(10 * at, 100, tape.seconds[at])
    list(one.checkpoint_records())
    assert one.positions() == {TICKS_NAME: (10, 41), ORDERS_NAME: (5, 1)}
    one.mark_read(ORDERS_NAME, 30)
    one.on_orders(30, 100, tape.orders[3])
    list(one.checkpoint_records())
    assert one.positions() == {TICKS_NAME: (40, 41), ORDERS_NAME: (31, 31)}


def test_a_restored_partition_begins_at_the_smallest_offset_and_writes_nothing_while_it_makes_labels_again() -> None:
    tape = Tape().second([(0, 100, 101)], [(5, 110, 90)]).quiet(3).second([(7, 110, 111)]).quiet(3)
    one, log = Partition(CONFIG), list[Record]()
    written = 0
    for at in range(6):
        written += step(one, tape, at)
        log += one.checkpoint_records()
    assert written == 1
    positions = {topic: labeled for topic, (labeled, _) in one.positions().items()}
    saved = read_checkpoints(topic_after(log), str(CONFIG))
    assert saved[INSTRUMENT].written == Frontier(START + 5, 0, 1)
    assert saved[INSTRUMENT].state.frontier == Frontier(START, 0, 0)
    again = Partition(CONFIG, saved, positions)
    assert again.start_offsets == {TICKS_NAME: 1, ORDERS_NAME: 1}
    assert again.replaying
    for at in range(1, 5):
        assert step(again, tape, at) == 0
        assert list(again.checkpoint_records()) == []
        assert again.positions() == {topic: (positions[topic], 10 * at + 1) for topic in TOPICS}
    step(again, tape, 5)
    assert not again.replaying
    assert list(again.checkpoint_records()) == []
    step(again, tape, 6)
    assert dict(again.checkpoint_records()).keys() == {frontier_key(INSTRUMENT)}


def kept(one: Partition, state: dict[bytes, bytes | None]) -> list[bytes]:
    """A commit: what the topic holds after it, and the keys it wrote."""
    records = list(one.checkpoint_records())
    state.update(records)
    return [key for key, _ in records]


def restored(one: Partition, state: dict[bytes, bytes | None]) -> Partition:
    committed = {topic: labeled for topic, (labeled, _) in one.positions().items()}
    return Partition(CONFIG, read_checkpoints(list(state.items()), str(CONFIG)), committed)


def test_a_first_commit_holds_a_snapshot_be_the_state_ever_so_large() -> None:
    many = [(5, 1_000, 1)] * 1_000
    tape, one = Tape().second([(0, 100, 101)], many), Partition(CONFIG)
    for _ in range(30):
        tape.second([], many)
    for at in range(31):
        step(one, tape, at)
    assert one.instruments[INSTRUMENT].snapshot_interval_records > 2_000
    assert snapshot_key(INSTRUMENT, 0) in kept(one, {})


def test_the_commit_of_a_sessions_last_second_holds_a_snapshot_so_that_it_keeps_no_restart_back() -> None:
    tape = Tape().second([(0, 100, 101)], [(5, 110, 90)]).quiet(2).second(ends=True)
    other = Tape("sim:OTHER").second([(0, 100, 101)]).quiet(99)
    one, state = Partition(CONFIG), dict[bytes, bytes | None]()
    for at in range(4):
        step(one, tape, at)
        assert (snapshot_key(INSTRUMENT, 0) in kept(one, state)) == (at in (0, 3))
    for at in range(99):
        step(one, other, at, offset=100 + at)
        kept(one, state)
    again = restored(one, state)
    assert again.start_offsets == {TICKS_NAME: 101, ORDERS_NAME: 101}, "after the other's only snapshot"
    # What the first one wrote is gone from the topics meanwhile, as it is after some days; its next session comes.
    for at in range(1, 99):
        step(again, other, at, offset=100 + at)
    assert not again.replaying
    tape.second([(0, 100, 101)], [(5, 110, 90)], skip=500, session=2).second([(7, 110, 111)])
    assert [step(again, tape, at, offset=200 + at) for at in (4, 5)] == [0, 1]


def test_one_that_falls_silent_within_its_session_has_a_snapshot_when_others_went_far_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partition_module, "SNAPSHOT_RECORDS_MIN", 50)
    monkeypatch.setattr(partition_module, "SNAPSHOT_BYTES_PER_RECORD", 10**6)
    tape = Tape().second([(0, 100, 101)], [(5, 110, 90)]).quiet(9)
    other = Tape("sim:OTHER").second([(0, 100, 101)]).quiet(199)
    one, state, written_at = Partition(CONFIG), dict[bytes, bytes | None](), list[int]()
    for at in range(3):
        step(one, tape, at, offset=at)
        kept(one, state)
    for at in range(200):
        step(one, other, at, offset=3 + at)
        if snapshot_key(INSTRUMENT, 0) in kept(one, state):
            written_at.append(at)
    # One of two, each of which has one at the latest after 50 records of its own; and once, since it stays the same.
    assert written_at == [2 * 50 - 2]
    again = restored(one, state)
    assert min(offset or 0 for offset in again.start_offsets.values()) > 203 - 50
    assert not again.instruments[INSTRUMENT].labeler.replaying
    assert again.instruments[INSTRUMENT].labeler.open_order_count == 1


def test_one_that_comes_back_after_a_long_silence_has_a_snapshot_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a restart would read all that others wrote in between, for a single second."""
    monkeypatch.setattr(partition_module, "SNAPSHOT_RECORDS_MIN", 50)
    tape, one, state = Tape().second([(0, 100, 101)]).quiet(3), Partition(CONFIG), dict[bytes, bytes | None]()
    step(one, tape, 0, offset=0)
    kept(one, state)
    step(one, tape, 1, offset=49)
    assert snapshot_key(INSTRUMENT, 0) not in kept(one, state)
    step(one, tape, 2, offset=52)
    assert snapshot_key(INSTRUMENT, 0) in kept(one, state)


def test_without_a_committed_offset_reading_begins_at_the_beginning() -> None:
    assert Partition(CONFIG).start_offsets == {TICKS_NAME: None, ORDERS_NAME: None}
    saved = read_checkpoints(records_of_one(), str(CONFIG))
    assert Partition(CONFIG, saved).start_offsets == {TICKS_NAME: None, ORDERS_NAME: None}


# ---- settings ------------------------------------------------------------------------------------------------------


def test_settings_become_the_labels_configuration() -> None:
    assert load(Settings, {}).labeler_config == LabelerConfig(ExitOn.BID, None)
    given = load(Settings, {"TIDEWHEEL_EXIT_ON": "mid", "TIDEWHEEL_MAX_HOLDING_S": "1.5"})
    assert given.labeler_config == LabelerConfig(ExitOn.MID, 1_500_000_000)
    assert str(given.labeler_config) == "exit_on=mid max_holding=1500000000ns"


def test_wrong_settings_are_all_named() -> None:
    with pytest.raises(SettingsError) as raised:
        load(Settings, {"TIDEWHEEL_EXIT_ON": "ask", "TIDEWHEEL_MAX_HOLDING_S": "0", "TIDEWHEEL_INSTANCE": "a b"})
    assert [line.split(":")[0] for line in str(raised.value).splitlines()] == [
        "TIDEWHEEL_INSTANCE",
        "TIDEWHEEL_EXIT_ON",
        "TIDEWHEEL_MAX_HOLDING_S",
    ]
