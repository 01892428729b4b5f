"""Which model answered first when, by made replies."""

import logging
from pathlib import Path

from tests.unit.local.values import NAME, prediction
from tidewheel.local.monitoring.predictor_client import NoPredictionError, Prediction
from tidewheel.local.monitoring.probe import Probe, ProbeSchedule, ServedLog
from tidewheel.local.stop_condition import SERVE_LIMIT_S

LOG = logging.getLogger("test")


class Replies:
    """A predictor that says what the test wants."""

    def __init__(self) -> None:
        self.next_now: Prediction | NoPredictionError = prediction(1)
        self.level: Prediction | NoPredictionError = prediction(1, second=0)

    def predict_now(self, instrument: str) -> Prediction:
        return self._answer(self.next_now)

    def predict_flat_market(self, instrument: str) -> Prediction:
        return self._answer(self.level)

    def _answer(self, reply: Prediction | NoPredictionError) -> Prediction:
        if isinstance(reply, NoPredictionError):
            raise reply
        return reply


def probe(replies: Replies, served: ServedLog, at_ns: int = 5) -> Probe:
    return Probe(replies, lambda: [NAME], lambda _: 0, served, LOG, lambda: at_ns)


def test_the_first_reply_counts() -> None:
    replies, served = Replies(), ServedLog(None)
    probe(replies, served, 5).ask(NAME)
    probe(replies, served, 6).ask(NAME)
    replies.next_now = prediction(3)
    probe(replies, served, 7).ask(NAME)
    assert served.all() == {(NAME, 1): 5, (NAME, 3): 7}


def test_before_ten_minutes_of_market_given_features_are_scored() -> None:
    replies, served = Replies(), ServedLog(None)
    replies.next_now = NoPredictionError("FAILED_PRECONDITION", "needs 600 prices")
    asking = probe(replies, served)
    asking.ask(NAME)
    assert (asking.count, asking.last_error, len(served.all())) == (1, "", 1)


def test_trouble_is_kept_in_words_and_goes_away() -> None:
    replies, served = Replies(), ServedLog(None)
    replies.next_now = replies.level = NoPredictionError("FAILED_PRECONDITION", "no model yet")
    asking = probe(replies, served)
    asking.ask(NAME)
    assert (asking.count, asking.last_error, served.all()) == (0, "no model yet", {})
    replies.next_now = prediction(2)
    asking.ask(NAME)
    assert (asking.count, asking.last_error, [a.prediction.seq for a in asking.recent(NAME)]) == (1, "", [2])


def test_an_internal_failure_is_not_asked_around() -> None:
    replies = Replies()
    replies.next_now = NoPredictionError("INTERNAL", "it failed")
    asking = probe(replies, ServedLog(None))
    asking.ask(NAME)
    assert asking.last_error == "it failed"


def asked(schedule: ProbeSchedule, from_s: float, to_s: float, newest: int, named: int) -> int:
    """Questions between two times, at twenty turns a second."""
    return sum(schedule.due(turn / 20, newest, named) for turn in range(int(from_s * 20), int(to_s * 20)))


def test_a_new_model_is_asked_for_eagerly_until_it_is_named() -> None:
    schedule = ProbeSchedule()
    assert asked(schedule, 100, 110, newest=3, named=3) == 10
    assert asked(schedule, 110, 112, newest=4, named=3) == 40
    assert asked(schedule, 112, 120, newest=4, named=4) == 8


def test_what_no_reply_names_is_not_asked_for_eagerly_for_ever() -> None:
    """After a rollback by hand the predictor serves 3 where 5 is the newest published."""
    schedule = ProbeSchedule()
    assert asked(schedule, 0, 60, newest=5, named=5) == 60
    assert asked(schedule, 60, 120, newest=5, named=3) == 60
    assert asked(schedule, 120, 120 + SERVE_LIMIT_S, newest=6, named=3) == 20 * SERVE_LIMIT_S
    assert asked(schedule, 120 + SERVE_LIMIT_S, 180, newest=6, named=3) == 60 - SERVE_LIMIT_S


def test_a_resumed_run_knows_what_was_served(tmp_path: Path) -> None:
    path = tmp_path / "served.jsonl"
    assert ServedLog(path).record(NAME, 1, 5)
    with path.open("a") as file:
        file.write('{"instrument": "sim:BTC-USD", "se')
    again = ServedLog(path)
    assert not again.record(NAME, 1, 9)
    assert again.all() == {(NAME, 1): 5}
