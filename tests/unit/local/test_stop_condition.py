"""When a run ends by itself."""

from dataclasses import replace

from tidewheel.contracts.topics import LABELER_GROUP, ORDERBOT_GROUP
from tidewheel.local.completion import Completion, Stage
from tidewheel.local.monitoring.progress import Progress
from tidewheel.local.stop_condition import (
    SERVE_LIMIT_S,
    InstrumentProgress,
    RunState,
    StopCondition,
    published_for_s,
    stop_reason,
)

DECIDED = InstrumentProgress(
    windows_closed=3, windows_ended=True, served=frozenset({1, 3}), newest_published=3, published_for_s=0.0
)
FILE = StopCondition(exit_after_models=None, feed_ends=True)
ON_AND_ON = StopCondition(exit_after_models=None, feed_ends=False)
NOTHING = Progress()


def over(*instruments: InstrumentProgress, read: bool = True) -> RunState:
    return RunState(feed_done=read, inputs_read=read, instruments=instruments)


OVER = over(DECIDED)
ALL = Progress(
    {("ticks", 0): 5, ("orders", 0): 5},
    {ORDERBOT_GROUP: {("ticks", 0): 5}, LABELER_GROUP: {("ticks", 0): 5, ("orders", 0): 5}},
)


def message(condition: StopCondition, state: RunState) -> str:
    end = stop_reason(condition, state)
    return end.message if end else ""


def test_a_file_ends_when_all_of_it_is_decided() -> None:
    assert message(FILE, OVER) == "the recorded file is done: 3 windows closed, 2 models served"


def test_a_file_does_not_end_before() -> None:
    for missing in ("feed_done", "inputs_read"):
        assert stop_reason(FILE, replace(OVER, **{missing: False})) is None
    assert stop_reason(FILE, over(replace(DECIDED, windows_ended=False))) is None
    assert stop_reason(ON_AND_ON, OVER) is None


def test_the_last_model_is_waited_for_but_not_for_ever() -> None:
    waiting = replace(DECIDED, served=frozenset({1}))
    assert stop_reason(FILE, over(waiting)) is None
    assert stop_reason(FILE, over(replace(waiting, published_for_s=SERVE_LIMIT_S))) is not None


def test_of_several_instruments_all_are_waited_for() -> None:
    assert message(FILE, over(DECIDED, DECIDED)) == "the recorded file is done: 6 windows closed, 4 models served"
    for late in (replace(DECIDED, windows_ended=False), replace(DECIDED, served=frozenset({1}))):
        assert stop_reason(FILE, over(DECIDED, late)) is None


def test_a_model_that_an_earlier_run_saw_published_is_waited_for_too() -> None:
    """It was killed between the publication and the first reply; the resumed run finds the model an hour old."""
    hour_ns = 3600 * 10**9
    waiting = replace(DECIDED, served=frozenset({1}))
    for watched_for_s, ends in ((1.0, False), (SERVE_LIMIT_S, True)):
        state = over(replace(waiting, published_for_s=published_for_s(0, hour_ns, watched_for_s)))
        assert (stop_reason(FILE, state) is not None) is ends
    assert published_for_s(hour_ns - 10**9, hour_ns, 3600.0) == 1.0


def test_a_superseded_model_is_not_waited_for() -> None:
    assert stop_reason(FILE, over(replace(DECIDED, served=frozenset({3})))) is not None


def test_a_file_too_short_for_a_window() -> None:
    short = replace(DECIDED, windows_closed=0, served=frozenset(), newest_published=0)
    assert "too short" in message(FILE, over(short))
    assert "too short" in message(FILE, over())


def test_enough_models() -> None:
    begun = over(replace(DECIDED, windows_ended=False), read=False)
    assert stop_reason(StopCondition(3, False), begun) is None
    assert message(StopCondition(2, False), begun) == "2 models served, as asked for"
    one = over(replace(DECIDED, served=frozenset({4})), read=False)
    assert message(StopCondition(1, True), one) == "1 model served, as asked for"


class Reader:
    """A collector that says it has caught up when the test says so."""

    def __init__(self) -> None:
        self.asked = 0
        self.caught_up = False

    def request_catch_up(self) -> None:
        self.asked += 1
        self.caught_up = False


def test_the_labels_word_is_enough() -> None:
    reader = Reader()
    completion = Completion(reader)
    completion.step(feed_done=False, labels_complete=True, progress=NOTHING, rounds=0)
    assert (completion.stage, reader.asked) == (Stage.FEED, 0)
    for _ in range(3):
        completion.step(feed_done=True, labels_complete=True, progress=NOTHING, rounds=0)
    assert (completion.stage, reader.asked) == (Stage.TICKS_KNOWN, 1)
    reader.caught_up = True
    for _ in range(4):
        completion.step(feed_done=True, labels_complete=True, progress=NOTHING, rounds=0)
    assert (completion.stage, reader.asked, completion.done) == (Stage.LABELS_KNOWN, 2, False)
    reader.caught_up = True
    completion.step(feed_done=True, labels_complete=True, progress=NOTHING, rounds=0)
    assert completion.done


def test_committed_offsets_are_enough_when_asked_after_the_stage_began() -> None:
    """The last seconds may resolve nothing, and then the labeler says nothing of them."""
    reader = Reader()
    completion = Completion(reader)
    completion.step(feed_done=True, labels_complete=False, progress=ALL, rounds=10)
    reader.caught_up = True
    stages = []
    for rounds in (10, 10, 11, 12, 12, 13, 14, 15):
        completion.step(feed_done=True, labels_complete=False, progress=ALL, rounds=rounds)
        stages.append(completion.stage)
    assert stages == [
        *(Stage.ORDERS, Stage.ORDERS, Stage.ORDERS),
        *(Stage.LABELS, Stage.LABELS, Stage.LABELS),
        *(Stage.LABELS_KNOWN, Stage.LABELS_KNOWN),
    ]


def test_a_group_that_is_behind_holds_the_end() -> None:
    reader = Reader()
    completion = Completion(reader)
    behind = Progress(ALL.ends, {**ALL.committed, LABELER_GROUP: {("ticks", 0): 5, ("orders", 0): 4}})
    for rounds in range(20):
        completion.step(feed_done=True, labels_complete=False, progress=behind, rounds=rounds)
        reader.caught_up = True
    assert completion.stage is Stage.LABELS


def test_lag() -> None:
    assert NOTHING.lag(LABELER_GROUP) is None
    assert not NOTHING.all_read(LABELER_GROUP)
    assert ALL.all_read(ORDERBOT_GROUP, LABELER_GROUP)
    assert Progress(ALL.ends, {}).lag(LABELER_GROUP) == 10


def test_a_feed_that_broke_off_is_noticed_once_everything_is_known() -> None:
    reader = Reader()
    completion = Completion(reader)
    assert not completion.feed_broke_off(feed_ended=False)
    completion.step(feed_done=True, labels_complete=False, progress=NOTHING, rounds=0)
    assert not completion.feed_broke_off(feed_ended=False)
    reader.caught_up = True
    assert not completion.feed_broke_off(feed_ended=True)
    assert completion.feed_broke_off(feed_ended=False)
    assert completion.stage is Stage.FEED
