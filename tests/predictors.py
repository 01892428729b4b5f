"""A running predictor for tests, in this process or in its own, and a client of it."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.predictor import __main__ as predictor
from services.predictor.settings import Settings
from tests.servers import redis_server
from tests.service_under_test import ServiceProcess, ServiceThread, context_of
from tests.synthetic_models import INSTRUMENT, make_row, published
from tests.waiting import LIMIT_S, eventually
from tidewheel.cli.main import main
from tidewheel.local.processes.subprocesses import free_port
from tidewheel.registry.store import Registry, VerificationFailure
from tidewheel.telemetry import metrics
from tidewheel.wire.v1 import predictor_pb2 as wire
from tidewheel.wire.v1.predictor_pb2_grpc import PredictorServiceStub

NO_KAFKA = "127.0.0.1:1"


class Client:
    """A channel to a predictor, and its calls."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        soon = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]
        self.channel = grpc.insecure_channel(self.address, options=soon)
        self.stub = PredictorServiceStub(self.channel)

    def predict(self, row: np.ndarray, instrument: str = INSTRUMENT) -> wire.PredictResponse:
        request = wire.PredictRequest(instrument=instrument, features_f32=row.tobytes())
        return self.stub.Predict(request, timeout=LIMIT_S, wait_for_ready=True)

    def now(self, bid_e9: int = 0, offer_e9: int = 0) -> wire.PredictNowResponse:
        request = wire.PredictNowRequest(instrument=INSTRUMENT, bid_e9=bid_e9, offer_e9=offer_e9)
        return self.stub.PredictNow(request, timeout=LIMIT_S, wait_for_ready=True)

    def refusal(self, call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.RpcError) as caught:
            call()
        return caught.value.code(), caught.value.details()

    def health(self, service: str) -> int:
        request = health_pb2.HealthCheckRequest(service=service)
        stub = health_pb2_grpc.HealthStub(self.channel)
        return int(stub.Check(request, timeout=LIMIT_S, wait_for_ready=True).status)

    def served(self) -> tuple[int, int] | None:
        """Epoch and seq, None without a model."""
        try:
            model = self.predict(make_row(1)).model
        except grpc.RpcError:
            return None
        return model.epoch, model.seq


class RunningPredictor(ServiceThread):
    """A predictor as its process composes it, on a thread of the test."""

    def __init__(self, redis_url: str, kafka: str = NO_KAFKA, **more: object) -> None:
        port = free_port()
        values = {"redis": redis_url, "kafka": kafka, "grpc_host": "127.0.0.1", "grpc_port": port, "drain_wait_s": 0.0}
        settings = Settings(registry_poll_s=0.1, **{**values, **more})  # type: ignore[arg-type]
        context = context_of("predictor")
        self.health = context.health
        super().__init__(lambda context: predictor.run(settings, context), context)
        self.client = Client(port)

    def end(self) -> None:
        self.client.channel.close()
        super().end()


@contextmanager
def running(redis_url: str, kafka: str = NO_KAFKA, **more: object) -> Iterator[RunningPredictor]:
    made = RunningPredictor(redis_url, kafka, **more)
    try:
        yield made
    finally:
        made.end()


def metric_value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def swap_failures(reason: VerificationFailure) -> float:
    return metric_value("tidewheel_model_swap_failures_total", instrument=INSTRUMENT, reason=reason)


def run_predict(capsys: pytest.CaptureFixture[str], client: Client, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `tidewheel predict`."""
    code = main(["predict", "--address", client.address, *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


@contextmanager
def process(redis_url: str, folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """The predictor as its own process: it, its gRPC port and its log."""
    port = more.get("GRPC_PORT") or str(free_port())
    environment = {"REDIS": redis_url, "KAFKA": NO_KAFKA, **more, "GRPC_PORT": port}
    with ServiceProcess("predictor", folder, **environment) as started:
        yield started.process, int(port), started.log


@contextmanager
def serving(redis_url: str, folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], int, Path, Client]]:
    """`process`, once it serves the first model, and a client of it."""
    with process(redis_url, folder, **more) as (started, port, log):
        client = Client(port)
        eventually(lambda: client.served() == (1, 1), "the model is served")
        yield started, port, log, client
        client.channel.close()


@contextmanager
def redis_with_model(folder: Path) -> Iterator[tuple[str, Registry]]:
    """A Redis of its own with the first model, and its registry."""
    with redis_server(None, folder) as url:
        registry = Registry.connect(url)
        registry.publish(*published(1))
        yield url, registry
        registry.close()
