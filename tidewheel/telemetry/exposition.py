"""What a service's /metrics says: its own metrics and the figures of its process, and none of the other services'."""

from functools import cache

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from tidewheel.telemetry.metrics import CATALOGUE

# What the client library tells of the process (Linux only), as queries may name it.
PROCESS_METRICS = {
    "process_cpu_seconds_total": "Processor time that the process has used.",
    "process_resident_memory_bytes": "Memory of the process.",
    "process_virtual_memory_bytes": "Address space of the process.",
    "process_start_time_seconds": "Wall clock when the process began; moves with each restart.",
    "process_open_fds": "Files and connections that the process holds open.",
    "process_max_fds": "How many it may hold open.",
}


@cache
def registry_of(service: str) -> CollectorRegistry:
    """The metrics of one service. One that is none of ours, as a test's, has those of all."""
    registry = CollectorRegistry(auto_describe=False)
    for metric in CATALOGUE.exported_by(service) or CATALOGUE.metrics.values():
        registry.register(metric)
    ProcessCollector(registry=registry)
    return registry


def exposition(service: str, accept: str) -> tuple[str, bytes]:
    """Content type and text. `accept`: the header of who asks; who takes OpenMetrics, as Prometheus does, is given
    that, which also carries exemplars."""
    encode, content_type = choose_encoder(accept)
    return content_type, encode(registry_of(service))
