"""What topic `labeler-state` holds of each instrument: how far labels are written, and a state to go on from. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from tidewheel.contracts.codecs.labeler_state import (
    FRONTIER,
    LabelerFrontier,
    LabelerSnapshot,
    decode_frontier,
    decode_snapshot,
    decode_state,
    encode_frontier,
    encode_snapshot,
    encode_state,
    frontier_key,
    key_kind,
    snapshot_key,
)
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.labeler_state import Frontier, LabelerState

PART_BYTES_MAX = 500_000

Record = tuple[bytes, bytes | None]  # key and value; without a value it is a tombstone


class CheckpointError(TidewheelError):
    """No labeler can be restored from what is stored; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """One instrument. `written`: outputs up to there are on their topics. `state` is of that second or an earlier one,
    the offsets are those of the first records after it, `parts` is the number of records it takes."""

    written: Frontier
    state: LabelerState
    ticks_offset: int
    orders_offset: int
    parts: int


def frontier_record(instrument: str, frontier: Frontier, config: str) -> Record:
    return frontier_key(instrument), encode_frontier(LabelerFrontier(instrument, frontier, config))


def snapshot_records(state: LabelerState, ticks_offset: int, orders_offset: int, config: str) -> list[Record]:
    """A snapshot in parts that fit into records."""
    payload = encode_state(state)
    cuts = range(0, len(payload), PART_BYTES_MAX)
    return [
        (
            snapshot_key(state.instrument, part),
            encode_snapshot(
                LabelerSnapshot(
                    instrument=state.instrument,
                    second=state.frontier.second,
                    part=part,
                    parts=len(cuts),
                    ticks_offset=ticks_offset,
                    orders_offset=orders_offset,
                    config=config,
                    payload=payload[start : start + PART_BYTES_MAX],
                )
            ),
        )
        for part, start in enumerate(cuts)
    ]


def part_tombstones(instrument: str, parts_now: int, parts_before: int) -> list[Record]:
    """Tombstones of what only the snapshot before this one had."""
    return [(snapshot_key(instrument, part), None) for part in range(parts_now, parts_before)]


def read_checkpoints(records: Iterable[Record], config: str) -> dict[str, Checkpoint]:
    """Every instrument by the latest record of each key. Raises CheckpointError."""
    latest = dict(records)
    frontiers: dict[str, LabelerFrontier] = {}
    parts: dict[str, list[LabelerSnapshot]] = {}
    try:
        for key, value in latest.items():
            if value is None:
                continue
            if key_kind(key) == FRONTIER:
                frontier = decode_frontier(value)
                frontiers[frontier.instrument] = frontier
            else:
                part = decode_snapshot(value)
                parts.setdefault(part.instrument, []).append(part)
        return {
            instrument: _checkpoint(frontier, parts.get(instrument, []), config)
            for instrument, frontier in frontiers.items()
        }
    except InvalidRecordError as failure:
        raise CheckpointError(f"a record of the labeler's state cannot be used: {failure}") from failure


def _checkpoint(frontier: LabelerFrontier, parts: list[LabelerSnapshot], config: str) -> Checkpoint:
    if frontier.config != config:
        raise CheckpointError(
            f"settings that shape labels changed: {frontier.instrument} was labelled with {frontier.config}, "
            f"now it is {config}; go on with those, or start with an empty data directory"
        )
    # Parts of an older and longer snapshot may still lie there.
    newest = max((part.second for part in parts), default=None)
    parts = sorted((part for part in parts if part.second == newest), key=lambda part: part.part)
    if not parts or [part.part for part in parts] != list(range(parts[0].parts)):
        raise CheckpointError(f"no complete snapshot of {frontier.instrument} is left")
    state = decode_state(b"".join(part.payload for part in parts))
    return Checkpoint(frontier.frontier, state, parts[0].ticks_offset, parts[0].orders_offset, len(parts))
