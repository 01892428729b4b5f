"""A short form of `make soak`, and that its judge can say no."""

from pathlib import Path

import grpc
import pytest

from services.predictor.servicer import SERVICE
from tests.predictors import Client, process
from tests.soak import FORBIDDEN, attack, code_of
from tests.synthetic_models import published
from tests.waiting import eventually
from tidewheel.registry.store import Registry

pytestmark = pytest.mark.redis_server


def test_what_chance_throws_at_it_harms_nobody(registry: Registry, empty_redis: str, tmp_path: Path) -> None:
    registry.publish(*published(1))
    with process(empty_redis, tmp_path) as (started, port, log):
        client = Client(port)
        eventually(lambda: client.served() == (1, 1), "the model is served")
        client.channel.close()
        seen, others, _ = attack(port, started.pid, seed=7, count=400, warm_up=50)
        assert (seen.forbidden, others.failures) == ([], [])
        assert seen.codes["OK"] > 0 < seen.codes["INVALID_ARGUMENT"]
        assert started.poll() is None
        said = log.read_text()
    assert "Traceback" not in said
    assert all(line.isprintable() for line in said.splitlines())


def test_a_call_that_fails_inside_is_seen(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("services.predictor.converters.parse_now_request", fail)
    code = code_of(client.channel, f"/{SERVICE}/PredictNow", b"")
    assert code is grpc.StatusCode.INTERNAL
    assert code in FORBIDDEN
    assert "planted" in caplog.text
