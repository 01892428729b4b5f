"""The trace of a run, made of its events, and the origin of its examples."""

from types import SimpleNamespace
from typing import Any, cast

from confluent_kafka import Message

from services.trainer.runs.traces import STRETCHES_MAX, ExampleLinks, RunTraces
from tidewheel.contracts.topics import EXAMPLES
from tidewheel.domain.training import RunEvent, RunReason, Step
from tidewheel.telemetry.tracing.context import TraceContext
from tidewheel.telemetry.tracing.tracer import Span, Tracer

NAME = "sim:A"


def place(number: int) -> TraceContext:
    return Tracer("labeler", print, 1.0).batch("ticks", 0, number)


def add(links: ExampleLinks, seq: int, context: TraceContext | None, instrument: str = NAME) -> None:
    example = cast(Any, SimpleNamespace(instrument=instrument, example_seq=seq))
    headers = None if context is None else context.headers
    links.on_example(example, Message(topic=EXAMPLES.name, partition=0, offset=seq, headers=headers))  # type: ignore[call-arg]


def made(*events: RunEvent, examples: int = 0) -> list[Span]:
    spans: list[Span] = []
    tracer = Tracer("trainer", spans.append, 0.0)
    links = ExampleLinks(tracer)
    for seq in range(1, examples + 1):
        add(links, seq, place(seq))
    traces = RunTraces(tracer, links)
    for event in events:
        assert traces.on_event(event) == tracer.run(NAME, event.seq).headers
    return spans


def closed(seq: int, at_ns: int) -> RunEvent:
    return RunEvent(
        NAME,
        seq,
        Step.WINDOW_CLOSED,
        at_ns,
        first_example_seq=10 * seq - 9,
        last_example_seq=10 * seq,
        window_closed_at_ns=at_ns - 5,
    )


def test_a_published_run_has_its_phases_as_children() -> None:
    steps = (Step.VALIDATED, Step.SPLIT, Step.TRIAL, Step.SELECTED, Step.GATE, Step.PUBLISHED)
    events = [RunEvent(NAME, 1, step, 100 + 10 * number) for number, step in enumerate(steps)]
    run, *children = made(closed(1, 90), *events, examples=20)
    assert (run.name, run.start_ns, run.end_ns) == ("training run", 85, 150)
    assert list(run.links) == [place(seq) for seq in range(1, 11)]
    assert {one.name: (one.start_ns, one.end_ns) for one in children} == {
        "prepare": (90, 110),
        "search": (110, 130),
        "fit and gate": (130, 140),
        "publish": (140, 150),
    }
    assert {one.parent for one in children} == {run.context}


def test_a_run_that_ends_without_a_model_says_why() -> None:
    (run,) = made(closed(2, 90), RunEvent(NAME, 2, Step.REFUSED, 100, reason=RunReason.NOT_DUE))
    assert (run.attributes["tidewheel.reason"], run.attributes["tidewheel.window"]) == ("not_due", 2)


def test_what_is_said_later_of_an_older_model_ends_nothing() -> None:
    scored = RunEvent(NAME, 1, Step.SCORED, 95)
    spans = made(scored, closed(2, 90), scored, RunEvent(NAME, 2, Step.FAILED, 100, reason="training_error"))
    assert [span.name for span in spans] == ["training run"]


def test_examples_of_one_transaction_are_one_link() -> None:
    links = ExampleLinks(Tracer("trainer", print, 1.0))
    for seq, number in ((1, 7), (2, 7), (3, 8), (5, 8), (6, 7)):
        add(links, seq, place(number))
    add(links, 4, None)
    assert links.between(NAME, 1, 2) == [place(7)]
    assert links.between(NAME, 2, 6) == [place(7), place(8)]
    assert links.between("sim:B", 1, 6) == []
    links.clear()
    assert links.between(NAME, 1, 6) == []


def test_the_newest_are_known_however_many_came() -> None:
    links = ExampleLinks(Tracer("trainer", print, 1.0))
    for seq in range(STRETCHES_MAX + 5):
        add(links, seq, place(seq))
    assert links.between(NAME, 0, 4) == []
    assert len(links.between(NAME, 0, STRETCHES_MAX + 5)) == STRETCHES_MAX
