"""A collector of spans for tests: OTLP over HTTP in this process, and where links and parents lead."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.http_server import serving

Place = tuple[str, str]  # trace and span, in hexadecimal


@dataclass(frozen=True)
class SeenSpan:
    """A span as it arrived."""

    service: str
    name: str
    place: Place
    parent: Place | None
    links: tuple[Place, ...]
    attributes: dict[str, Any]


@dataclass
class Collector:
    """Spans by their places; one that is sent again is the same."""

    url: str = ""
    spans: dict[Place, SeenSpan] = field(default_factory=dict)

    def named(self, name: str) -> list[SeenSpan]:
        return [span for span in list(self.spans.values()) if span.name == name]

    def behind(self, start: SeenSpan) -> list[SeenSpan]:
        """The spans that links and parents of a span lead to, and from there on."""
        found, left = {start.place: start}, [start]
        while left:
            span = left.pop()
            for place in (*span.links, *filter(None, [span.parent])):
                if place in self.spans and place not in found:
                    found[place] = self.spans[place]
                    left.append(found[place])
        return list(found.values())[1:]

    def take(self, body: bytes) -> None:
        for of_service in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = {one.key: one.value.string_value for one in of_service.resource.attributes}["service.name"]
            for span in (span for scope in of_service.scope_spans for span in scope.spans):
                seen = _seen(service, span)
                self.spans[seen.place] = seen


def _seen(service: str, span: Any) -> SeenSpan:
    trace = span.trace_id.hex()
    return SeenSpan(
        service,
        span.name,
        (trace, span.span_id.hex()),
        (trace, span.parent_span_id.hex()) if span.parent_span_id else None,
        tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes},
    )


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                collector.take(body)
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler) as collector.url:
        yield collector
