"""Traces of calls: the caller's trace goes on, links lead to the run that made the model and to the market second.

A call stays in its thread from its message to its answer, so what is learnt on the way is noted by thread.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from grpc import StatusCode

from services.predictor.metrics import RpcMetrics
from services.predictor.rpc.methods import UnaryCall
from tidewheel.domain.time import NS_PER_S
from tidewheel.telemetry.tracing.context import Headers, TraceContext
from tidewheel.telemetry.tracing.tracer import Exemplar, Span, Tracer, exemplar

SOURCE = "rpc"


@dataclass(slots=True)
class _Call:
    context: TraceContext
    parent: TraceContext | None
    links: list[TraceContext] = field(default_factory=list)
    attributes: dict[str, str | int | float | bool] = field(default_factory=dict)


class CallTraces:
    """Calls under way, one a thread. Of a tracer that is on."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._local = threading.local()

    def begin(self, metadata: Any) -> None:
        """A call has a thread. `metadata`: what its caller sent beside the message."""
        parent = self._tracer.incoming(metadata, SOURCE)
        own = self._tracer.fresh() if parent is None else parent._replace(span_id=self._tracer.fresh_id())
        self._local.call = _Call(own, parent)

    def on_model(self, instrument: str, seq: int) -> None:
        """The call is answered by this model."""
        if (call := self._call) is not None:
            call.links.append(self._tracer.run(instrument, seq))
            call.attributes |= {"tidewheel.instrument": instrument, "tidewheel.window": seq}

    def on_second(self, instrument: str, second: int) -> None:
        """The call is answered from the market as of this second: one that is traced makes the call so."""
        if (call := self._call) is None:
            return
        call.attributes["tidewheel.second"] = second
        context = self._tracer.second(instrument, second)
        if context.sampled:
            call.links.append(context)
            call.context = call.context._replace(sampled=True)

    def headers(self) -> Headers | None:
        """What a record of the answer carries."""
        return self._call.context.headers if self._call is not None else None

    def end(self, method: str, duration_s: float, code: StatusCode) -> Exemplar | None:
        """The call of this thread is over; returns the trace that its duration is a sample of."""
        call, self._local.call = self._call, None
        if call is None or not call.context.sampled:
            return None
        end_ns = self._tracer.clock_ns()
        attributes = {**call.attributes, "rpc.system": "grpc", "rpc.method": method, "rpc.status": code.name}
        start_ns = end_ns - round(duration_s * NS_PER_S)
        self._tracer.record(Span(method, call.context, start_ns, end_ns, call.parent, call.links, attributes))
        return exemplar(call.context)

    @property
    def _call(self) -> _Call | None:
        return getattr(self._local, "call", None)


class TracedRpcMetrics(RpcMetrics):
    """Durations with the traces that they are of."""

    def __init__(self, method: str, traces: CallTraces) -> None:
        super().__init__(method)
        self._traces = traces

    def record_call(self, duration_s: float, code: StatusCode, sample: Exemplar | None = None) -> None:
        super().record_call(duration_s, code, sample or self._traces.end(self._method, duration_s, code))


class TracedCall(UnaryCall):
    """A method with one message and one answer, traced."""

    def __init__(self, traces: CallTraces, name: str, *arguments: Any) -> None:
        super().__init__(name, *arguments)
        self._traces = traces
        self.metrics = TracedRpcMetrics(name, traces)

    def __call__(self, requests: Iterator[bytes], context: Any) -> bytes:
        self._traces.begin(context.invocation_metadata())
        return super().__call__(requests, context)
