"""Clients that others wrote, unchanged, each in an environment of its own: `make clients` sets them up."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.predictor.servicer import SERVICE
from tests.predictors import Client
from tests.synthetic_models import INSTRUMENT, make_model, make_row, published
from tests.tidy.tree import ROOT
from tests.waiting import LIMIT_S, eventually
from tidewheel.domain.models import Scorer
from tidewheel.registry.store import Registry

pytestmark = pytest.mark.redis_server
ROWS = np.array([make_row(seed) for seed in (1, 2, 3)])
# The module here, and what it must have seen besides what all see.
CLIENTS = {"tritonclient": ("raw", "older", "one_output"), "open_inference": ("raw", "older", "typed")}


def python_of(client: str) -> Path:
    return ROOT / f".venv-clients-{client}" / "bin" / "python"


def said(program: list[str]) -> str:
    done = subprocess.run(program, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout


def answer(seq: int) -> dict[str, Any]:
    scores = Scorer.of(make_model(seq)).scores(ROWS)
    return {
        "version": str(seq),
        "id": "mine",
        "scores": scores.tolist(),
        "labels": (scores >= 0.5).astype(int).tolist(),
    }


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_of_the_open_inference_protocol(client: Client, registry: Registry, tmp_path: Path, name: str) -> None:
    if not python_of(name).exists():
        pytest.skip("make clients sets it up")
    registry.publish(*published(2))
    eventually(lambda: client.served() == (1, 2), "window 2 is served")
    ROWS.tofile(tmp_path / "rows")
    script = str(ROOT / "tests" / "foreign_clients" / f"on_{name}.py")
    seen = json.loads(said([str(python_of(name)), script, client.address, INSTRUMENT, "1", str(tmp_path / "rows")]))
    given = {kind: seen.pop(kind) for kind in CLIENTS[name]}
    assert seen.pop("index", [INSTRUMENT]) == [INSTRUMENT]
    assert seen == {
        "live": True,
        "ready": True,
        "model_ready": True,
        "unknown_ready": False,
        "server": "tidewheel",
        "inputs": [["features", "FP32", ["-1", "605"]]],
        "unknown_model": "StatusCode.NOT_FOUND",
        "unknown_version": "StatusCode.NOT_FOUND",
        "wrong_shape": "StatusCode.INVALID_ARGUMENT",
    }
    assert given.pop("older") == answer(1)
    if "one_output" in given:
        assert given.pop("one_output") == answer(2) | {"labels": None}
    assert all(one == answer(2) for one in given.values())


def test_grpcurl_needs_no_file_of_ours(client: Client) -> None:
    program = shutil.which("grpcurl")
    if program is None:
        pytest.skip("no grpcurl on PATH")
    services = said([program, "-plaintext", client.address, "list"]).split()
    assert {SERVICE, "inference.GRPCInferenceService", "grpc.health.v1.Health"} <= set(services)
    asked = json.dumps({"instrument": INSTRUMENT, "features": make_row(1).tolist()})
    given = json.loads(said([program, "-plaintext", "-d", asked, client.address, f"{SERVICE}/Predict"]))
    assert given["score"] == pytest.approx(Scorer.of(make_model(1)).score(make_row(1)))


def test_a_standard_health_probe(client: Client) -> None:
    program = shutil.which("grpc-health-probe") or shutil.which("grpc_health_probe")
    if program is None:
        pytest.skip("no grpc-health-probe on PATH")
    for service in ("", SERVICE):
        said([program, f"-addr={client.address}", f"-service={service}"])
    unknown = subprocess.run([program, f"-addr={client.address}", "-service=x"], capture_output=True, check=False)
    assert unknown.returncode != 0
