"""The links of a transaction: to the seconds that are labelled in it, however far ahead others have been read."""

from types import SimpleNamespace
from typing import Any, cast

from confluent_kafka import Message

from services.labeler.traces import SECONDS_MAX, TransactionTraces
from tests.unit.labeler.tape import Tape
from tidewheel.contracts.topics import TICKS
from tidewheel.domain.market import MarketSecond
from tidewheel.telemetry.tracing.tracer import LINKS_MAX, Span, Tracer

SECONDS = Tape().second([(0, 100, 101)]).quiet(30).seconds


def message(offset: int, headers: Any = None) -> Message:
    return Message(topic=TICKS.name, partition=0, offset=offset, value=b"", headers=headers)  # type: ignore[call-arg]


class Rig:
    """A labeler's traces, and what it recorded."""

    def __init__(self, ratio: float = 1.0) -> None:
        self.spans: list[Span] = []
        self.tracer = Tracer("labeler", self.spans.append, ratio)
        self.traces = TransactionTraces(self.tracer)

    def read(self, seconds: list[MarketSecond], headers: Any = None) -> None:
        for offset, second in enumerate(seconds):
            self.traces.on_batch(message(offset))
            self.traces.on_second(message(offset, headers), second)

    def commit(self, until: MarketSecond) -> dict[str, str] | None:
        labeler = cast(Any, SimpleNamespace(second=until.second))
        return self.traces.on_committed([(until.instrument, labeler)])

    def of(self, second: MarketSecond) -> Any:
        return self.tracer.second(second.instrument, second.second)


def test_each_second_is_linked_by_the_transaction_that_labels_it() -> None:
    rig = Rig()
    rig.read(SECONDS)
    assert rig.commit(SECONDS[2]) == {"trace_id": rig.spans[0].context.trace_id_hex}
    rig.traces.on_batch(message(99))
    rig.commit(SECONDS[4])
    assert [list(span.links) for span in rig.spans] == [
        [rig.of(second) for second in SECONDS[:3]],
        [rig.of(second) for second in SECONDS[3:5]],
    ]
    assert rig.spans[0].context != rig.spans[1].context


def test_the_seconds_that_come_first_stay_where_too_many_wait() -> None:
    rig = Rig()
    ahead = [cast(Any, SimpleNamespace(instrument="sim:A", second=number)) for number in range(SECONDS_MAX + 10)]
    rig.read(ahead)
    rig.commit(ahead[3])
    assert list(rig.spans[0].links) == [rig.of(second) for second in ahead[:4]]
    rig.traces.on_batch(message(99))
    rig.commit(ahead[-1])
    assert len(rig.spans[1].links) == LINKS_MAX


def test_nothing_is_recorded_of_what_is_not_sampled_or_was_given_up() -> None:
    rig = Rig(0.0)
    rig.read(SECONDS)
    assert rig.commit(SECONDS[-1]) is None
    given_up = Rig()
    given_up.read(SECONDS)
    given_up.traces.discard()
    given_up.traces.on_batch(message(0))
    assert given_up.commit(SECONDS[-1]) is None
    assert rig.spans == given_up.spans == []


def test_what_ingest_sampled_is_followed_whatever_the_share_here() -> None:
    rig, ingest = Rig(0.0), Tracer("ingest", print, 1.0)
    first = SECONDS[0]
    rig.read([first], ingest.second(first.instrument, first.second).headers)
    rig.commit(first)
    assert list(rig.spans[0].links) == [ingest.second(first.instrument, first.second)]
