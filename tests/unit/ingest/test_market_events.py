"""What happens to the simulated market on demand: from its second on, and nothing before it."""

import logging
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from services.ingest.core import IngestCore
from services.ingest.market_events_file import MarketEventsFile
from services.ingest.seconds import SessionRules
from services.ingest.sources.simulator import BLOCK_S, START_S, Simulator
from tests.unit.ingest.test_simulator import NEVER_S, S
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.market_events import (
    EVENTS_MAX,
    NOTICE_S,
    SECOND_MAX,
    EventKind,
    MarketEvent,
    events_text,
    parse_events,
)
from tidewheel.recordings.quotes import RejectedRow

LOG = logging.getLogger(__name__)
BEGIN_S, END_S = START_S + 3 * BLOCK_S + 7, START_S + 5 * BLOCK_S + 9


def made(blocks: int, *events: MarketEvent) -> list[MarketSecond | RejectedRow]:
    core = IngestCore("sim:TEST", SourceKind.SIMULATED, SessionRules())
    read = islice(Simulator(1, 1.0, NEVER_S, lambda: events).items(), blocks)
    return [item for batch in read for item in core.on_item(batch)]


def seconds(blocks: int, *events: MarketEvent) -> list[MarketSecond]:
    return [one for one in made(blocks, *events) if isinstance(one, MarketSecond)]


def before(second: int, found: list[MarketSecond]) -> bytes:
    return b"".join(encode_second(one) for one in found if one.second < second)


@pytest.mark.parametrize("kind", EventKind)
def test_what_was_before_an_event_stays_and_what_follows_does_not(kind: EventKind) -> None:
    usual, other = seconds(6), seconds(6, MarketEvent(kind, BEGIN_S, END_S))
    assert before(BEGIN_S, other) == before(BEGIN_S, usual)
    assert before(END_S, other) != before(END_S, usual)


def test_a_gap_has_no_quotes_and_its_market_goes_on_after_it() -> None:
    found = seconds(7, MarketEvent(EventKind.GAP, BEGIN_S, END_S))
    assert [one.second for one in found if BEGIN_S <= one.second < END_S and len(one.quotes)] == []
    assert any(len(one.quotes) for one in found if one.second >= END_S)


def test_a_gap_longer_than_blocks_is_a_session_of_its_own() -> None:
    found = seconds(12, MarketEvent(EventKind.GAP, BEGIN_S, BEGIN_S + 6 * BLOCK_S))
    assert len({one.session for one in found}) == 2


def test_a_burst_is_many_quotes_of_which_some_are_crossed() -> None:
    found = made(6, MarketEvent(EventKind.BURST, BEGIN_S, END_S))
    rejected = [one for one in found if isinstance(one, RejectedRow)]
    assert {one.reason for one in rejected} == {"crossed"}
    assert all(BEGIN_S <= one.time_ns // S < END_S for one in rejected if hasattr(one, "time_ns"))
    within = [one for one in found if isinstance(one, MarketSecond) and BEGIN_S <= one.second < END_S]
    usual = [one for one in seconds(6) if BEGIN_S <= one.second < END_S]
    assert sum(len(one.quotes) for one in within) + len(rejected) == 20 * sum(len(one.quotes) for one in usual)


def test_a_flip_is_that_of_a_market_which_turns_by_itself() -> None:
    flip = MarketEvent(EventKind.FLIP, BEGIN_S, END_S)
    asked, by_itself = (
        np.concatenate([batch.offer_e9[batch.time_ns < END_S * S] for batch in islice(simulator.items(), 6)])
        for simulator in (Simulator(1, 1.0, NEVER_S, lambda: [flip]), Simulator(1, 1.0, BEGIN_S - START_S))
    )
    assert np.array_equal(asked, by_itself)


def test_the_usual_pattern_pushes_away_while_it_is_turned_and_does_not_run_off() -> None:
    """Prices that were drawn to the mean of ten minutes leave it, and stay a walk."""
    hours = 6 * 3_600 // BLOCK_S
    flip = MarketEvent(EventKind.FLIP, START_S, SECOND_MAX)
    found = {}
    for name, events in (("usual", ()), ("turned", (flip,))):
        offers = np.concatenate([b.offer_e9 for b in islice(Simulator(1, 1.0, 0, lambda e=events: e).items(), hours)])
        found[name] = float(np.ptp(offers)) / S
    assert found["turned"] > 3 * found["usual"]
    assert found["turned"] < 3_000


def test_an_event_with_notice_is_seen_by_who_makes_the_market_as_it_goes() -> None:
    """It may stand in the file only when a second is published from which it is NOTICE_S away."""
    event = MarketEvent(EventKind.BURST, BEGIN_S, END_S)
    core = IngestCore("sim:TEST", SourceKind.SIMULATED, SessionRules())
    known: list[MarketEvent] = []
    found: list[MarketSecond] = []
    for batch in islice(Simulator(1, 1.0, NEVER_S, lambda: known).items(), 6):
        for item in core.on_item(batch):
            if isinstance(item, MarketSecond):
                found.append(item)
                if item.second == BEGIN_S - NOTICE_S:
                    known.append(event)
    assert known
    assert before(END_S, found) == before(END_S, seconds(6, event))


def test_the_file_reads_as_it_was_written() -> None:
    events = [MarketEvent(EventKind.GAP, 5, 9), MarketEvent(EventKind.FLIP, 7, 8)]
    assert parse_events(events_text(events)) == (events, [])


@pytest.mark.parametrize(
    "line", ["gap 9 5", "gap 5", "gap 5 x", "flood 5 9", "gap -1 9", "gap 1 99999999999999", "5 9"]
)
def test_a_line_that_says_none_is_told_by_its_number(line: str) -> None:
    events, faults = parse_events(f"gap 1 2\n{line}\n\nburst 3 4\n")
    assert [event.kind for event in events] == [EventKind.GAP, EventKind.BURST]
    assert [fault.split(":")[0] for fault in faults] == ["line 2 must look like `gap 1767230000 1767240000`"]


def test_no_more_events_are_kept_than_are_looked_at_in_no_time() -> None:
    events, faults = parse_events("gap 1 2\n" * (EVENTS_MAX + 5))
    assert (len(events), len(faults)) == (EVENTS_MAX, 1)


def test_the_file_is_read_as_it_is_now(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "events"
    file = MarketEventsFile(str(path), LOG)
    assert file() == []
    path.write_text("gap 1 2\n")
    assert file() == file() == [MarketEvent(EventKind.GAP, 1, 2)]
    path.write_text("gap 1 2\nnonsense\n")
    assert file() == file() == [MarketEvent(EventKind.GAP, 1, 2)]
    assert sum("line 2" in one.getMessage() for one in caplog.records) == 1


def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "events"
    path.write_text("gap 1 2\n")
    file = MarketEventsFile(str(path), LOG)
    before = file()
    path.unlink()
    path.mkdir()
    assert file() == file() == before
    assert sum("cannot be read" in one.getMessage() for one in caplog.records) == 1


def test_without_a_file_nothing_happens() -> None:
    assert MarketEventsFile("", LOG)() == []
