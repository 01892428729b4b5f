"""The run in plain lines."""

import json
from collections.abc import Sequence
from dataclasses import replace

from tests.unit.local.values import CARD, NAME, T0_NS, event, instrument, prediction, whole_run
from tidewheel.contracts.codecs.market import FeedEvent, FeedStatus
from tidewheel.domain.market import SourceKind
from tidewheel.domain.training import Step
from tidewheel.domain.windows import Windowing
from tidewheel.local.monitoring.announcer import Announcer, phase_line
from tidewheel.local.monitoring.observed import InstrumentState
from tidewheel.local.monitoring.probe import TimedPrediction
from tidewheel.local.monitoring.progress import Progress
from tidewheel.local.monitoring.rates import Rates
from tidewheel.local.processes.supervisor import Phase, PhaseChange
from tidewheel.local.view.frame import Frame, ProcessStatus


def frame(shown: InstrumentState | None, up_s: float = 1.0, processes: Sequence[ProcessStatus] = ()) -> Frame:
    return Frame("", "", T0_NS, up_s, shown, Windowing(10_000, 10_000), Rates(), Progress(), processes)


def test_every_event_once() -> None:
    shown = instrument(*whole_run(1), event(1, Step.SCORED, scorecard=CARD), *whole_run(2, Step.REFUSED, "one class"))
    shown.market.first_second, shown.market.second = 1_700_000_000, 1_700_000_009
    shown.market.feed = FeedStatus(NAME, FeedEvent.CONNECTED, 0, 1, "seed 1", SourceKind.SIMULATED)
    announcer = Announcer(since_ns=T0_NS)
    drawn = replace(frame(shown), served={1: T0_NS + 1})
    assert announcer.events(drawn) == [
        "first quotes of sim:BTC-USD, at 2023-11-14 22:13:20 UTC",
        "feed connected: seed 1",
        "window 1 closed: training begins",
        "model 1 published: test precision 0.612 at recall 0.310, base rate 0.480, evidence weak",
        "model 1 on its next window: precision 0.555 at recall 0.120, base rate 0.480; "
        "bettor on all models: e 34, net 0.4",
        "window 2 closed: training begins",
        "model 2 refused: test precision 0.612 at recall 0.310, base rate 0.480, evidence weak; one class",
        "model 1 serves: the predictor answers with it",
    ]
    assert announcer.events(drawn) == []


def test_the_past_of_a_resumed_run_is_no_news() -> None:
    shown = instrument(*whole_run(1))
    assert Announcer(since_ns=T0_NS + 10**12).events(frame(shown)) == []


def test_dead_letters_are_told_at_once_and_then_with_the_heartbeat() -> None:
    announcer, shown = Announcer(since_ns=0), instrument()
    first = replace(frame(shown, 1.0), dead_letters=1, last_dead_letter="x 3: crossed")
    assert announcer.events(first) == ["1 dead letters, the last: x 3: crossed"]
    assert announcer.events(replace(first, dead_letters=9)) == []
    assert announcer.events(replace(first, dead_letters=9, up_s=10.0)) == ["9 dead letters, the last: x 3: crossed"]


def test_what_became_of_a_recordings_rows_is_told_at_once_and_then_with_the_heartbeat() -> None:
    announcer, shown = Announcer(since_ns=0), instrument()
    for count, up_s, lines in ((0, 1.0, 0), (1, 2.0, 3), (40, 3.0, 0), (40, 10.0, 3), (40, 30.0, 0)):
        entry = {"count": count, "first": "line 3", "last": "line 90", "detail": "why"}
        by_reason = {"crossed": entry} if count else {}
        rows = {"rows": 100, "ticks": 100 - count, "rejected": count, "other_instruments": 0}
        account = json.dumps({**rows, "by_reason": by_reason, "anomalies": {}})
        shown.market.on_status(FeedStatus(NAME, FeedEvent.ACCOUNTED, 0, 1, account, SourceKind.REPLAY))
        said = announcer.events(frame(shown, up_s))
        announcer.heartbeat(frame(shown, up_s))
        assert len(said) == (lines if count != 1 else 2), (count, up_s)
    assert shown.market.feed is None


def test_the_heartbeat_comes_every_ten_seconds() -> None:
    announcer = Announcer(since_ns=0)
    beats = [bool(announcer.heartbeat(frame(None, float(second)))) for second in range(0, 40, 5)]
    assert beats == [False, False, True, False, True, False, True, False]


def test_what_a_heartbeat_says() -> None:
    announcer, shown = Announcer(since_ns=0), instrument()
    processes = [ProcessStatus("kafka", "starting"), ProcessStatus("redis", "ready")]
    assert announcer.heartbeat(frame(None, 10.0, processes)) == ["no quote yet (kafka starting)"]
    shown.market.second, shown.market.bid_e9, shown.market.offer_e9 = 1_700_000_000, 10_000 * 10**9, 10_001 * 10**9
    shown.orders.placed, shown.orders.examples = 12_000, 12_345
    drawn = replace(
        frame(shown, 20.0, [ProcessStatus("labeler", "ready", 2)]),
        predictions=[TimedPrediction(0, prediction(1, 0.71234))],
    )
    assert announcer.heartbeat(drawn) == [
        "market 2023-11-14 22:13:20 | 10,000.00/10,001.00 | 0.0 ticks/s at 0.0 x | 12,000 open orders | 0 resolved | "
        "12,345 of 20,000 examples for window 2 | model 1 says 0.712 | 2 restarts"
    ]


def test_once_the_feed_has_ended_the_heartbeat_says_what_is_waited_for() -> None:
    announcer, shown = Announcer(since_ns=0), instrument(*whole_run(1), event(2, Step.WINDOW_CLOSED))
    shown.market.second, shown.orders.examples = 1_700_000_000, 30_001
    shown.market.feed = FeedStatus(NAME, FeedEvent.CONNECTED, 0, 1, "x.csv", SourceKind.REPLAY)
    assert "30,001 of 40,000 examples for window 4" in announcer.heartbeat(frame(shown, 10.0))[0]
    shown.market.feed = replace(shown.market.feed, event=FeedEvent.ENDED)
    assert "waiting for the training of window 2 and 1 more" in announcer.heartbeat(frame(shown, 20.0))[0]
    for one in (*whole_run(2), *whole_run(3)):
        shown.runs.on_event(one)
    assert "30,001 of 40,000 examples for window 4" in announcer.heartbeat(frame(shown, 30.0))[0]


def test_news_of_children() -> None:
    assert phase_line(PhaseChange("ingest", Phase.DONE)) == "ingest is done"
    assert phase_line(PhaseChange("kafka", Phase.READY)) == "kafka ready"
    assert phase_line(PhaseChange("x", Phase.RESTARTING, "ended with code 1")) == "x restarting: ended with code 1"


def several() -> Frame:
    """Two instruments, of which the second is shown."""
    made = []
    for number, name in enumerate(("replay:A", "replay:B")):
        shown = instrument(*(replace(one, instrument=name) for one in whole_run(1)))
        shown.name = name
        shown.market.first_second, shown.market.second = 1_700_000_000, 1_700_000_009 + number
        shown.orders.placed, shown.orders.examples = 100, 10_000
        made.append(replace(frame(shown, 10.0), served={1: T0_NS + 1} if number else {}))
    return replace(made[1], every=made, dead_letters=1, last_dead_letter="x")


def test_of_several_instruments_each_line_names_its_own() -> None:
    announcer = Announcer(since_ns=T0_NS)
    lines = announcer.events(several())
    for name in ("replay:A", "replay:B"):
        own = [line.removeprefix(f"{name}: ") for line in lines if line.startswith(f"{name}: ")]
        assert own[:2] == [f"first quotes of {name}, at 2023-11-14 22:13:20 UTC", "window 1 closed: training begins"]
    assert lines[-2:] == ["replay:B: model 1 serves: the predictor answers with it", "1 dead letters, the last: x"]
    assert (len(lines), announcer.events(several())) == (8, [])


def test_the_heartbeat_of_several_instruments_is_one_line() -> None:
    assert Announcer(since_ns=0).heartbeat(several()) == [
        "2 instruments at market 2023-11-14 22:13:29 to 2023-11-14 22:13:30 | 0.0 ticks/s | 200 open orders | "
        "0 resolved | 20,000 examples | 1 models served"
    ]
    assert several().position == "replay:B, 2 of 2"
    assert frame(instrument()).position == ""
