"""Every bench once at smoke size: a bench that is never run rots. No figure is judged."""

import json
from importlib import import_module
from typing import Any

import pytest

from bench.__main__ import NAMES
from bench.harness import Servers, Size

pytestmark = [pytest.mark.broker, pytest.mark.redis_server]


@pytest.mark.parametrize("name", NAMES)
def test_smoke(name: str, broker: str, empty_redis: str) -> None:
    figures: dict[str, Any] = import_module(f"bench.{name}").run(Size.SMOKE, Servers(broker, empty_redis))
    assert json.loads(json.dumps(figures)) == figures
    assert figures["result_hash"]
    assert any(isinstance(value, int | float) and value > 0 for value in figures.values())
