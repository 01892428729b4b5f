"""Every bench once at smoke size: a bench that is never run rots. No figure is judged."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from typing import Any

import pytest

from bench import memory
from bench.__main__ import NAMES
from bench.harness import Servers, Size

pytestmark = [pytest.mark.broker, pytest.mark.redis_server]

WITHOUT_CHANCE = ("passthrough", "registry")


@pytest.mark.parametrize("name", NAMES)
def test_smoke(name: str, broker: str, empty_redis: str) -> None:
    figures: dict[str, Any] = import_module(f"bench.{name}").run(Size.SMOKE, Servers(broker, empty_redis))
    assert json.loads(json.dumps(figures)) == figures
    assert figures["result_hash"]
    assert any(isinstance(value, int | float) and value > 0 for value in figures.values())
    assert any("seed" in key for key in figures) == (name not in WITHOUT_CHANCE)
    if name == "memory":
        assert figures["transactions"]
        assert figures["examples"]


class Idle:
    """A labeler that says it is done, and has written nothing."""

    pid = os.getpid()

    def gauge(self, metric: str, instrument: str) -> float:
        return float("inf")


def test_the_hash_of_memory_is_of_what_the_labeler_wrote(
    broker: str, empty_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def service(*_: Any) -> Iterator[Idle]:
        yield Idle()

    monkeypatch.setattr(memory, "service", service)
    figures = memory.run(Size.SMOKE, Servers(broker, empty_redis))
    assert (figures["transactions"], figures["examples"]) == (0, 0)
    assert figures["result_hash"] == sha256().hexdigest()[:16]
