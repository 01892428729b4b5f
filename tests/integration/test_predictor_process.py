"""The predictor as a process and as a command: how it starts, ends, and is asked."""

import json
import signal
import socket
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2

from services.predictor.servicer import SERVICE
from tests.predictors import Client, RunningPredictor, process, run_predict
from tests.synthetic_models import make_model, make_row, published
from tests.waiting import LIMIT_S, eventually
from tidewheel.domain.models import Scorer
from tidewheel.local.processes.subprocesses import free_port
from tidewheel.registry.store import Registry

pytestmark = pytest.mark.redis_server


def test_the_command_asks_and_prints_json(client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row, file = make_row(9), tmp_path / "row.json"
    file.write_text(json.dumps(row.tolist()))
    code, out, _ = run_predict(capsys, client, "--features", str(file))
    given = json.loads(out)
    assert code == 0
    assert given["score"] == Scorer.of(make_model(1)).score(row)
    assert (given["version"]["seq"], given["version"]["epoch"], given["evidence"]) == (1, 1, "none")
    assert (given["label"], given["threshold"]) == (given["score"] >= 0.5, 0.5)


def test_the_command_says_in_one_line_why_not(
    client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = tmp_path / "row.csv"
    short.write_text("1,2,3")
    for arguments, words in (
        (["--features", str(short)], "features: 3 numbers, the model needs 605"),
        (["--instrument", "sim:ETH-USD"], "nothing is known of sim:ETH-USD"),
        ([], "market seconds"),
        (["--address", f"127.0.0.1:{free_port()}"], "no predictor answers at"),
    ):
        code, out, err = run_predict(capsys, client, *arguments)
        assert (code, out, err.count("\n"), words in err) == (1, "", 1, True), err


def test_the_command_does_not_wait_for_ever(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        code, _, err = run_predict(capsys, client, "--address", address, "--timeout", "0.3")
    assert (code, err) == (1, f"tidewheel: the predictor at {address} gave no answer within 0.3 s\n")


def test_sigterm_says_so_first_and_ends_with_no_call_broken(
    registry: Registry, empty_redis: str, tmp_path: Path
) -> None:
    registry.publish(*published(1))
    with process(empty_redis, tmp_path, DRAIN_WAIT_S="1") as (started, port, log):
        client = Client(port)
        eventually(lambda: client.served() == (1, 1), "window 1 is served")
        started.send_signal(signal.SIGTERM)
        # Balancers hear NOT_SERVING while calls are still answered.
        said = health_pb2.HealthCheckResponse.NOT_SERVING
        eventually(lambda: client.health(SERVICE) == client.health("") == said, "it says that it ends")
        client.predict(make_row(1))
        assert started.wait(LIMIT_S) == 0
        client.channel.close()
        assert "Traceback" not in log.read_text()


def test_a_port_in_use_is_one_clear_line(client: Client, empty_redis: str, tmp_path: Path) -> None:
    # Another predictor's, which without care would share it in silence.
    port = client.address.rpartition(":")[2]
    with process(empty_redis, tmp_path, GRPC_PORT=port) as (started, _, log):
        assert started.wait(LIMIT_S) == 1
    lines = log.read_text().splitlines()
    assert f"the gRPC port {port} on 0.0.0.0 cannot be used" in lines[-1]
    assert not any("Traceback" in line for line in lines)


def test_bad_settings_are_said_all_at_once(empty_redis: str, tmp_path: Path) -> None:
    with process("http://:secret@somewhere", tmp_path, GRPC_THREADS="many") as (started, _, log):
        assert started.wait(LIMIT_S) == 2
    lines = log.read_text().splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["TIDEWHEEL_REDIS", "TIDEWHEEL_GRPC_THREADS"]
    assert "secret" not in log.read_text()


def test_a_thread_that_dies_is_the_end_of_the_service(empty_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class BugError(Exception):
        """Planted."""

    def die(*_: object) -> None:
        raise BugError

    monkeypatch.setattr("services.predictor.models.watcher.Watcher.poll_once", die)
    made = RunningPredictor(empty_redis)
    try:
        eventually(lambda: made.failure is not None, "the service ends")
    finally:
        with pytest.raises(BugError):
            made.end()
