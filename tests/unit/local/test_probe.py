"""Which model answered first when, by made replies."""

import logging
from pathlib import Path

from tests.unit.local.values import NAME, prediction
from tidewheel.local.ending import SERVE_LIMIT_S
from tidewheel.local.monitoring.predictor_client import NoPrediction, Prediction
from tidewheel.local.monitoring.probe import Cadence, Probe, ServedLog

LOG = logging.getLogger("test")


class Replies:
    """A predictor that says what the test wants."""

    def __init__(self) -> None:
        self.next_now: Prediction | NoPrediction = prediction(1)
        self.level: Prediction | NoPrediction = prediction(1, second=0)

    def now(self, instrument: str) -> Prediction:
        return self._said(self.next_now)

    def of_level_market(self, instrument: str) -> Prediction:
        return self._said(self.level)

    def _said(self, reply: Prediction | NoPrediction) -> Prediction:
        if isinstance(reply, NoPrediction):
            raise reply
        return reply


def probe(replies: Replies, served: ServedLog, at_ns: int = 5) -> Probe:
    return Probe(replies, lambda: NAME, lambda _: 0, served, LOG, lambda: at_ns)


def test_the_first_reply_counts() -> None:
    replies, served = Replies(), ServedLog(None)
    probe(replies, served, 5).ask(NAME)
    probe(replies, served, 6).ask(NAME)
    replies.next_now = prediction(3)
    probe(replies, served, 7).ask(NAME)
    assert served.all() == {(NAME, 1): 5, (NAME, 3): 7}


def test_before_ten_minutes_of_market_given_features_are_scored() -> None:
    replies, served = Replies(), ServedLog(None)
    replies.next_now = NoPrediction("FAILED_PRECONDITION", "needs 600 prices")
    asking = probe(replies, served)
    asking.ask(NAME)
    assert (asking.count, asking.trouble, len(served.all())) == (1, "", 1)


def test_trouble_is_kept_in_words_and_goes_away() -> None:
    replies, served = Replies(), ServedLog(None)
    replies.next_now = replies.level = NoPrediction("FAILED_PRECONDITION", "no model yet")
    asking = probe(replies, served)
    asking.ask(NAME)
    assert (asking.count, asking.trouble, served.all()) == (0, "no model yet", {})
    replies.next_now = prediction(2)
    asking.ask(NAME)
    assert (asking.count, asking.trouble, [a.prediction.seq for a in asking.recent]) == (1, "", [2])


def test_an_internal_failure_is_not_asked_around() -> None:
    replies = Replies()
    replies.next_now = NoPrediction("INTERNAL", "it failed")
    asking = probe(replies, ServedLog(None))
    asking.ask(NAME)
    assert asking.trouble == "it failed"


def asked(cadence: Cadence, from_s: float, to_s: float, newest: int, named: int) -> int:
    """Questions between two times, at twenty turns a second."""
    return sum(cadence.due(turn / 20, newest, named) for turn in range(int(from_s * 20), int(to_s * 20)))


def test_a_new_model_is_asked_for_eagerly_until_it_is_named() -> None:
    cadence = Cadence()
    assert asked(cadence, 100, 110, newest=3, named=3) == 10
    assert asked(cadence, 110, 112, newest=4, named=3) == 40
    assert asked(cadence, 112, 120, newest=4, named=4) == 8


def test_what_no_reply_names_is_not_asked_for_eagerly_for_ever() -> None:
    """After a rollback by hand the predictor serves 3 where 5 is the newest published."""
    cadence = Cadence()
    assert asked(cadence, 0, 60, newest=5, named=5) == 60
    assert asked(cadence, 60, 120, newest=5, named=3) == 60
    assert asked(cadence, 120, 120 + SERVE_LIMIT_S, newest=6, named=3) == 20 * SERVE_LIMIT_S
    assert asked(cadence, 120 + SERVE_LIMIT_S, 180, newest=6, named=3) == 60 - SERVE_LIMIT_S


def test_a_resumed_run_knows_what_was_served(tmp_path: Path) -> None:
    path = tmp_path / "served.jsonl"
    assert ServedLog(path).named(NAME, 1, 5)
    with path.open("a") as file:
        file.write('{"instrument": "sim:BTC-USD", "se')
    again = ServedLog(path)
    assert not again.named(NAME, 1, 9)
    assert again.all() == {(NAME, 1): 5}
