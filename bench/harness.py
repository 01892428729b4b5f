"""What every bench shares: sizes, real servers, and one JSON line of result.

A bench is a module `bench/<name>.py` with `run(size, servers) -> dict`. The dict holds figures with units last in their
names, the sizes and seeds used, and `result_hash` over what was computed, so that a faster wrong answer is seen.
"""

import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from tidewheel.local.children.processes import free_port
from tidewheel.local.servers.kafka import start_kafka
from tidewheel.local.servers.redis import start_redis
from tidewheel.runtime import topic_admin


class Size(StrEnum):
    """SMOKE ends within seconds and runs in the tests; FULL gives the figures to quote."""

    SMOKE = "smoke"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses of a real broker, its topics created and empty, and of a real Redis, empty."""

    kafka: str
    redis: str


@contextmanager
def servers(partitions: int = 2) -> Iterator[Servers]:
    """Fresh embedded servers, so that no bench sees another's records."""
    with tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as folder:
        kafka = start_kafka(Path(folder) / "kafka", free_port(), free_port())
        try:
            store = start_redis(Path(folder) / "redis", free_port())
            try:
                topic_admin.create(kafka.bootstrap, partitions)
                yield Servers(kafka.bootstrap, store.url)
            finally:
                store.stop()
        finally:
            kafka.stop()


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE", ""),
    }
