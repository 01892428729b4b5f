"""Calls that are traced: the caller's trace goes on, links lead to the run and the second, durations name the trace."""

import logging
from typing import Any

import grpc
import pytest

from services.predictor.rpc.call_slots import CallSlots
from services.predictor.rpc.call_traces import CallTraces, TracedCall
from services.predictor.rpc.callers import Callers
from services.predictor.rpc.pool import CallPool
from services.predictor.rpc.status import CallRefusedError, refused_input
from tests.waiting import LIMIT_S
from tidewheel.telemetry.exposition import exposition
from tidewheel.telemetry.tracing.context import parse
from tidewheel.telemetry.tracing.tracer import Span, Tracer

POOL = CallPool("traced", 1)
CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class AbortedError(Exception):
    """What a real context raises."""


class Context:
    """Stands for a call's context."""

    def __init__(self, *metadata: tuple[str, str]) -> None:
        self.metadata = metadata

    def invocation_metadata(self) -> Any:
        return self.metadata

    def is_active(self) -> bool:
        return True

    def time_remaining(self) -> float:
        return LIMIT_S

    def cancel(self) -> None: ...

    def add_callback(self, callback: Any) -> bool:
        return True

    def abort_with_status(self, status: Any) -> None:
        raise AbortedError


class Rig:
    """A traced method whose answer is of model 3 and, where asked for, of second 7."""

    def __init__(self, ratio: float, failure: CallRefusedError | None = None, *, now: bool = False) -> None:
        self.spans: list[Span] = []
        self.tracer = Tracer("predictor", self.spans.append, ratio, lambda: 10**18)
        self.traces = CallTraces(self.tracer)
        self.carried: Any = None
        self._failure, self._now = failure, now
        callers = Callers(CallSlots(4, LIMIT_S), CallSlots(4, LIMIT_S))
        self.call = TracedCall(self.traces, "Traced", self._answer, callers, POOL, logging.getLogger("test"))

    def _answer(self, payload: bytes) -> bytes:
        if self._failure is not None:
            raise self._failure
        self.traces.on_model("sim:A", 3)
        if self._now:
            self.traces.on_second("sim:A", 7)
        self.carried = self.traces.headers()
        return payload


def test_links_lead_to_the_run_and_the_second() -> None:
    rig = Rig(1.0, now=True)
    assert rig.call(iter([b"x"]), Context()) == b"x"
    (span,) = rig.spans
    assert list(span.links) == [rig.tracer.run("sim:A", 3), rig.tracer.second("sim:A", 7)]
    assert span.attributes["tidewheel.window"] == 3
    assert span.attributes["tidewheel.second"] == 7
    assert (span.name, span.parent, span.end_ns) == ("Traced", None, 10**18)
    assert span.start_ns <= span.end_ns
    assert rig.carried == span.context.headers


def test_a_callers_trace_goes_on_whatever_the_share() -> None:
    rig = Rig(0.0)
    rig.call(iter([b"x"]), Context(("traceparent", CALLERS)))
    (span,) = rig.spans
    assert span.parent == parse(CALLERS)
    assert span.context.trace_id == parse(CALLERS).trace_id
    assert span.context.span_id != parse(CALLERS).span_id


@pytest.mark.parametrize("metadata", [(), (("traceparent", CALLERS[:-1] + "0"),), (("traceparent", "nonsense"),)])
def test_what_is_not_sampled_is_not_recorded(metadata: Any) -> None:
    rig = Rig(0.0, now=True)
    rig.call(iter([b"x"]), Context(*metadata))
    assert rig.spans == []


def test_a_refused_call_is_recorded_with_its_code_and_leaves_nothing_behind() -> None:
    rig = Rig(1.0, refused_input("x", "bad"))
    with pytest.raises(AbortedError):
        rig.call(iter([b"x"]), Context())
    (span,) = rig.spans
    assert span.attributes["rpc.status"] == grpc.StatusCode.INVALID_ARGUMENT.name
    assert rig.traces.headers() is None


def test_a_duration_names_the_trace_that_it_is_of() -> None:
    rig = Rig(1.0)
    rig.call(iter([b"x"]), Context())
    _, text = exposition("predictor", "application/openmetrics-text")
    lines = [line for line in text.decode().splitlines() if 'method="Traced"' in line and "# {" in line]
    assert sum(rig.spans[0].context.trace_id_hex in line for line in lines) == 1
    _, plain = exposition("predictor", "")
    assert "trace_id" not in plain.decode()
