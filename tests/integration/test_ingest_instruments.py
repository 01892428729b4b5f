"""Ingest on a recorded file of several instruments: each is written as a file of its own would be, after any kill."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.ingest import app
from tests.integration.test_ingest import (
    S,
    events,
    letters,
    market,
    rows_of,
    seconds,
    settings,
    stop_after,
)
from tests.service_under_test import context_of
from tests.unit.ingest.oracle import expected
from tests.unit.ingest.rows import plain
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.domain.market import MarketSecond
from tidewheel.recordings.instrument_column import InstrumentColumn
from tidewheel.runtime.process import UnrecoverableError

pytestmark = pytest.mark.broker

HEADER = "time_ms,bid,offer,sym"
NAMES = ("AAA", "B/USD", "C-1")


def in_turn(seed: int, names: tuple[str, ...] = NAMES, count: int = 300) -> tuple[list[str], dict[str, list[str]]]:
    """Lines of all by time, and of each its own."""
    chance = Random(seed)
    own = {
        name: [line for line in market(seed + number, count) if line.count(",") == 2]
        for number, name in enumerate(names)
    }
    left = {name: list(lines) for name, lines in own.items()}
    lines = []
    while any(left.values()):
        name = chance.choice([name for name in left if left[name]])
        lines.append(f"{left[name].pop(0)},{name}")
    return lines, own


def several(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join((HEADER, *lines, "")))
    return path


def ingest(broker: str, path: Path, *names: str, **more: Any) -> None:
    app.run(settings(broker, path, instrument_column=InstrumentColumn("sym", names), **more), context_of("ingest"))


def of_each(broker: str) -> dict[str, list[MarketSecond]]:
    found: dict[str, list[MarketSecond]] = {}
    for second in seconds(broker):
        found.setdefault(second.instrument, []).append(second)
    return found


def expected_seconds(lines: list[str]) -> list[Any]:
    return [item for item in expected(rows_of(lines)) if not isinstance(item, int)]


@pytest.mark.parametrize("more", [{}, {"ahead_max_s": 0, "speed": 1e6}])
def test_each_instrument_becomes_the_seconds_of_a_file_of_its_own(
    broker: str, tmp_path: Path, more: dict[str, Any]
) -> None:
    lines, own = in_turn(1)
    ingest(broker, several(tmp_path / "q.csv", lines), **more)
    found = of_each(broker)
    assert {name: [plain(s) for s in found[f"replay:{name}"]] for name in own} == {
        name: expected_seconds(part) for name, part in own.items()
    }
    told = {
        event.instrument: json.loads(event.detail) for event in events(broker) if event.event is FeedEvent.ACCOUNTED
    }
    for name, part in own.items():
        account = told[f"replay:{name}"]
        rejected = [letter for letter in letters(broker) if letter.instrument == f"replay:{name}"]
        assert (account["rows"], account["rejected"]) == (len(part), len(rejected))
        assert [letter.raw.decode() for letter in rejected] == [
            f"{part[i]},{name}" for i in expected(rows_of(part)) if isinstance(i, int)
        ]
    ended = [event.instrument for event in events(broker) if event.event is FeedEvent.ENDED]
    assert sorted(ended) == sorted(found)


def test_stopped_and_started_again_the_log_of_each_is_that_of_an_undisturbed_run(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, own = in_turn(3)
    path, chance = several(tmp_path / "q.csv", lines), Random(3)
    wanted = {f"replay:{name}": expected_seconds(part) for name, part in own.items()}
    column = InstrumentColumn("sym")
    for _ in range(5):
        with monkeypatch.context() as patch:
            running = context_of("ingest")
            stop_after(patch, chance.randint(1, sum(map(len, wanted.values())) // 6), running.stop.set)
            app.run(settings(broker, path, instrument_column=column), running)
        assert 0 < len(seconds(broker)) < sum(map(len, wanted.values()))
    ingest(broker, path)
    ingest(broker, path)
    assert {name: [plain(s) for s in found] for name, found in of_each(broker).items()} == wanted
    places = [(letter.instrument, letter.offset) for letter in letters(broker)]
    assert (
        len(set(places)) == len(places) == sum(isinstance(i, int) for p in own.values() for i in expected(rows_of(p)))
    )


def test_seconds_of_all_come_in_order_of_time(broker: str, tmp_path: Path) -> None:
    lines = [f"{1_700_000_000_000 + 1000 * n},1,1,{name}" for n in range(500) for name in ("A", "B")]
    ingest(broker, several(tmp_path / "q.csv", lines))
    first_of_partition = [s.second for s in seconds(broker) if s.instrument == "replay:A"]
    assert first_of_partition == sorted(first_of_partition)
    assert {name: len(found) for name, found in of_each(broker).items()} == {"replay:A": 500, "replay:B": 500}


def test_one_that_was_asked_for_and_is_not_there_ends_it_with_a_word(broker: str, tmp_path: Path) -> None:
    path = several(tmp_path / "q.csv", [f"{1_700_000_000_000 + n},1,1,A" for n in range(9)])
    with pytest.raises(UnrecoverableError, match=r"q\.csv holds no usable quote of B$"):
        ingest(broker, path, "A", "B")
    assert [event for event in events(broker) if event.event is FeedEvent.ENDED] == []


def test_rubbish_of_one_is_told_of_that_one(broker: str, tmp_path: Path) -> None:
    lines = [f"{1_700_000_000_000 + n},{'1' if name == 'A' else 'x'},1,{name}" for n in range(1_500) for name in "AB"]
    with pytest.raises(UnrecoverableError, match=r"replay:B: 1001 bad records in a row"):
        ingest(broker, several(tmp_path / "q.csv", lines))
    assert {letter.instrument for letter in letters(broker)} == {"replay:B"}


def test_one_without_a_usable_quote_beside_others_is_told_and_ends_nothing(broker: str, tmp_path: Path) -> None:
    lines = [f"{1_700_000_000_000 + n * S // 10**6},{bid},1,{name}" for n in range(9) for name, bid in ("A1", "B2")]
    ingest(broker, several(tmp_path / "q.csv", lines))
    assert list(of_each(broker)) == ["replay:A"]
    assert len([event for event in events(broker) if event.event is FeedEvent.ENDED]) == 2


def test_a_single_run_on_the_same_column_has_the_same_records(broker: str, tmp_path: Path) -> None:
    lines, _ = in_turn(5)
    path = several(tmp_path / "q.csv", lines)
    ingest(broker, path, "AAA", "C-1")
    together = of_each(broker)
    app.run(
        settings(broker, path, instrument="ALONE", instrument_column=InstrumentColumn("sym", ("AAA",))),
        context_of("ingest"),
    )
    assert [plain(s) for s in of_each(broker)["replay:ALONE"]] == [plain(s) for s in together["replay:AAA"]]
    assert set(together) == {"replay:AAA", "replay:C-1"}
