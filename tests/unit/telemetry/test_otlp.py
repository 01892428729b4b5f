"""Spans on their way to a collector, by the real SDK: what arrives, and what becomes of those that cannot."""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.collector import Collector, collecting
from tests.predictors import metric_value
from tests.waiting import eventually
from tidewheel.local.processes.subprocesses import free_port
from tidewheel.telemetry.tracing.otlp import OtlpTracer
from tidewheel.telemetry.tracing.tracer import Span

LOG = logging.getLogger("test")


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


def counted(service: str, outcome: str) -> float:
    return metric_value("tidewheel_spans_total", service=service, outcome=outcome)


def test_a_span_arrives_with_its_ids_parent_links_and_attributes(collector: Collector) -> None:
    tracer = OtlpTracer("ingest", collector.url + "/", 1.0, LOG)
    before = counted("ingest", "exported")
    second, run = tracer.second("sim:A", 7), tracer.run("sim:A", 1)
    child = second.within("orders")
    tracer.record(Span("market second", second, 10, 20, attributes={"tidewheel.second": 7}))
    tracer.record(Span("orders", child, 20, 30, parent=second, links=[run]))
    tracer.record(Span("alone", tracer.fresh(always=True), 20, 30))
    tracer.close()
    (root,), (orders,), (alone,) = map(collector.named, ("market second", "orders", "alone"))
    assert root.place == (second.trace_id_hex, f"{second.span_id:016x}")
    assert (root.service, root.parent, root.attributes) == ("tidewheel-ingest", None, {"tidewheel.second": 7})
    assert orders.parent == root.place
    assert orders.place == (second.trace_id_hex, f"{child.span_id:016x}")
    assert orders.links == ((run.trace_id_hex, f"{run.span_id:016x}"),)
    assert alone.parent is None
    assert counted("ingest", "exported") == before + 3


def test_a_collector_that_is_away_is_counted_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    tracer = OtlpTracer("orderbot", f"http://127.0.0.1:{free_port()}", 1.0, LOG)
    recorded, lost = counted("orderbot", "recorded"), counted("orderbot", "lost")
    for round_ in (1, 2):
        for number in range(10):
            tracer.record(Span("work", tracer.second("sim:A", number), 1, 2))
        eventually(lambda: counted("orderbot", "lost") == lost + 10 * round_, "spans are given up")  # noqa: B023
    tracer.close()
    assert counted("orderbot", "recorded") == recorded + 20
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1, said
    assert "the service goes on" in said[0]


def test_whoever_hands_over_waits_for_nobody() -> None:
    """A collector that takes connections and never answers: more spans than the queue holds are handed over at once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tracer = OtlpTracer("trainer", f"http://127.0.0.1:{silent.getsockname()[1]}", 1.0, LOG)
        before = counted("trainer", "recorded")
        for number in range(10_000):
            tracer.record(Span("work", tracer.second("sim:A", number), 1, 2))
        assert counted("trainer", "recorded") == before + 10_000
        assert counted("trainer", "exported") == 0


OFF = """
import sys
import services.ingest.app, services.orderbot.app, services.labeler.app, services.trainer.app, services.predictor.app
from tidewheel.runtime import process
ours = ("tidewheel.telemetry.tracing.otlp", "opentelemetry.exporter", "opentelemetry.sdk.trace", "opentelemetry.proto")
print([name for name in sys.modules if name.startswith(ours)])
"""


def test_off_nothing_of_it_is_loaded() -> None:
    """Of what we need; redis-py looks by itself whether OpenTelemetry's metrics are installed."""
    said = subprocess.run([sys.executable, "-c", OFF], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert said.stdout.strip() == "[]"
