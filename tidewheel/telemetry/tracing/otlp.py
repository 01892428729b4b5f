"""Spans to a collector, by OpenTelemetry's SDK and OTLP over HTTP. The only module that imports them: extra `otel`.

Handing a span over never waits: the SDK keeps a bounded queue, and one thread of it sends. A collector that is away
costs spans, which are counted, and one line of the log.
"""

import logging
import threading
import time
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.trace import Tracer as SdkTracer

from tidewheel.telemetry import metrics
from tidewheel.telemetry.reported_failures import ReportedFailures
from tidewheel.telemetry.tracing.context import TraceContext
from tidewheel.telemetry.tracing.tracer import Span, Tracer

LIBRARY = "opentelemetry"
TRACES_PATH = "/v1/traces"
# What one request may take; a collector on the same machine answers within milliseconds.
EXPORT_LIMIT_S = 5.0
SEND_EVERY_MS = 1_000
QUEUE_MAX = 4_096


class GivenIds(IdGenerator):
    """Ids of the span that is about to be made in this thread, as they were derived."""

    def __init__(self) -> None:
        self._next = threading.local()

    def give(self, context: TraceContext) -> None:
        self._next.context = context

    def generate_span_id(self) -> int:
        return int(self._next.context.span_id)

    def generate_trace_id(self) -> int:
        return int(self._next.context.trace_id)


class CountingExporter(SpanExporter):
    """Counts what arrived and what did not; says once that a collector does not take it. Used by one thread."""

    def __init__(self, exporter: SpanExporter, service: str, endpoint: str, log: logging.Logger) -> None:
        self._exporter = exporter
        self._endpoint = endpoint
        self._log = log
        self._failures = ReportedFailures[str]()
        # Made now, so that a reader of metrics sees 0 and not nothing.
        self._exported = metrics.SPANS.labels(service, "exported")
        self._lost = metrics.SPANS.labels(service, "lost")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Never raises: the answer says it."""
        try:
            result = self._exporter.export(spans)
        except Exception as failure:
            return self._failed(len(spans), f"{type(failure).__name__}: {failure}")
        if result is not SpanExportResult.SUCCESS:
            return self._failed(len(spans), "it did not take them")
        self._exported.inc(len(spans))
        self._failures.clear(self._endpoint)
        return result

    def _failed(self, count: int, why: str) -> SpanExportResult:
        self._lost.inc(count)
        if self._failures.is_new(self._endpoint, ""):
            template = "spans do not reach the collector at %s and are lost, the service goes on: %s"
            self._log.warning(template, self._endpoint, why)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._exporter.shutdown()


class OtlpTracer(Tracer):
    """A tracer whose spans go to a collector until it is closed."""

    def __init__(self, service: str, endpoint: str, ratio: float, log: logging.Logger) -> None:
        """`endpoint`: the collector's address, as OTEL_EXPORTER_OTLP_ENDPOINT has it."""
        logging.getLogger(LIBRARY).setLevel(logging.CRITICAL)  # what matters is logged by CountingExporter, once
        super().__init__(service, self._hand_over, ratio, time.time_ns)
        self._ids = GivenIds()
        exporter = OTLPSpanExporter(endpoint.rstrip("/") + TRACES_PATH, timeout=EXPORT_LIMIT_S)
        processor = BatchSpanProcessor(
            CountingExporter(exporter, service, endpoint, log), QUEUE_MAX, schedule_delay_millis=SEND_EVERY_MS
        )
        resource = Resource.create({"service.name": f"tidewheel-{service}", "service.namespace": "tidewheel"})
        # What comes here is sampled already.
        self._provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=self._ids)
        self._provider.add_span_processor(processor)
        self._sdk: SdkTracer = self._provider.get_tracer("tidewheel")
        self._recorded = metrics.SPANS.labels(service, "recorded")

    def close(self) -> None:
        """Send what is left. May wait for a collector that does not answer: give it so long as you have."""
        self._provider.shutdown()

    def _hand_over(self, span: Span) -> None:
        self._recorded.inc()
        self._ids.give(span.context)
        parent = set_span_in_context(NonRecordingSpan(_sdk_context(span.parent))) if span.parent else None
        started = self._sdk.start_span(
            span.name,
            # An empty one: else what is current in this thread would be the parent.
            parent or set_span_in_context(NonRecordingSpan(_NOBODY)),
            attributes=span.attributes,
            links=[Link(_sdk_context(link)) for link in span.links],
            start_time=span.start_ns,
        )
        started.end(span.end_ns)


_NOBODY = SpanContext(0, 0, is_remote=False)


def _sdk_context(context: TraceContext) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT)
    return SpanContext(context.trace_id, context.span_id, is_remote=True, trace_flags=flags)
