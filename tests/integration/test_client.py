"""The Python client and the commands over it: values, deadlines, what is tried again, all addresses in turn."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from math import fsum
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from tests.predictors import Client, run_predict
from tests.synthetic_models import CARD, INSTRUMENT, make_model, make_row, published, put
from tidewheel.cli.main import main
from tidewheel.client import PredictionError, PredictorClient
from tidewheel.client.predictor import ATTEMPTS_MAX, SERVICE
from tidewheel.domain.models import Scorer
from tidewheel.registry.store import Registry
from tidewheel.wire.v1 import predictor_pb2 as wire

pytestmark = pytest.mark.redis_server


@pytest.fixture
def python_client(client: Client) -> Iterator[PredictorClient]:
    with PredictorClient(client.address) as made:
        yield made


def test_answers_are_values(python_client: PredictorClient) -> None:
    row = make_row(4)
    answer = python_client.predict(INSTRUMENT, row)
    assert answer.score == Scorer.of(make_model(1)).score(row)
    assert (answer.version.seq, answer.version.epoch, answer.evidence) == (1, 1, "none")
    assert (answer.trust.model_age_s, answer.trust.novelty, answer.trust.precision) == (None, 0.0, None)
    assert [flag.kind for flag in answer.trust.flags] == ["no_evidence"]
    batch = python_client.predict_batch(INSTRUMENT, np.array([row, row]))
    assert batch.scores == (answer.score, answer.score)
    found = python_client.explain(INSTRUMENT, row, largest=2)
    assert found.answer == answer
    assert fsum((found.intercept, *(one.value for one in found.contributions), found.rounding)) == found.z


def test_news_of_the_model(python_client: PredictorClient, registry: Registry) -> None:
    news = python_client.watch(INSTRUMENT)
    first = next(news)
    assert (first.version.seq, first.swapped, first.judged_seq) == (1, True, 0)
    put(registry, replace(published(1)[1], scorecard=CARD))
    registry.publish(*published(2))
    while (heard := next(news)).version.seq != 2 or not heard.judged_seq:
        pass
    assert (heard.judged_rows, heard.judged_precision) == (100, 0.6)
    news.close()  # type: ignore[attr-defined]


def test_refusals_are_one_exception(python_client: PredictorClient) -> None:
    for ask, code in (
        (lambda: python_client.predict("sim:NONE", make_row(1)), "NOT_FOUND"),
        (lambda: python_client.predict(INSTRUMENT, make_row(1), b"other"), "INVALID_ARGUMENT"),
        (lambda: python_client.predict_now(INSTRUMENT, 5, 4), "INVALID_ARGUMENT"),
        (lambda: next(python_client.watch("sim:NONE")), "NOT_FOUND"),
    ):
        with pytest.raises(PredictionError) as caught:
            ask()
        assert caught.value.code == code
    with pytest.raises(ValueError, match="3 numbers, the model needs 605"):
        python_client.predict(INSTRUMENT, np.zeros(3, dtype="<f4"))


@contextmanager
def answering(answer: Callable[[int], bytes | grpc.StatusCode]) -> Iterator[tuple[int, Counter[str]]]:
    """A server whose Predict answers its n-th call so; its port, and how often it was called."""
    calls: Counter[str] = Counter()

    def predict(payload: bytes, context: Any) -> bytes:
        calls["Predict"] += 1
        given = answer(calls["Predict"])
        if isinstance(given, grpc.StatusCode):
            context.abort(given, "planted")
        assert isinstance(given, bytes)
        return given

    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(predict)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Predict": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port, calls
    finally:
        server.stop(None).wait()


REPLY = wire.PredictResponse(score=0.25).SerializeToString()


def test_only_what_was_not_done_is_tried_again() -> None:
    unavailable = grpc.StatusCode.UNAVAILABLE
    with answering(lambda call: unavailable if call < ATTEMPTS_MAX else REPLY) as (port, calls):
        with PredictorClient(f"127.0.0.1:{port}") as one:
            assert one.predict(INSTRUMENT, make_row(1)).score == 0.25
        assert calls["Predict"] == ATTEMPTS_MAX
    for code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.FAILED_PRECONDITION):
        with answering(lambda _, code=code: code) as (port, calls), PredictorClient(f"127.0.0.1:{port}") as one:  # type: ignore[misc]
            with pytest.raises(PredictionError) as caught:
                one.predict(INSTRUMENT, make_row(1))
            assert (caught.value.code, calls["Predict"]) == (code.name, 1)


def test_all_addresses_of_a_name_are_asked_in_turn() -> None:
    with answering(lambda _: REPLY) as (one, first), answering(lambda _: REPLY) as (other, second):
        with PredictorClient(f"ipv4:127.0.0.1:{one},127.0.0.1:{other}") as both:
            for _ in range(40):
                both.predict(INSTRUMENT, make_row(1))
        assert first["Predict"] + second["Predict"] == 40
        assert min(first["Predict"], second["Predict"]) >= 10


def test_one_of_two_that_is_gone_costs_no_call() -> None:
    gone = grpc.StatusCode.UNAVAILABLE
    with answering(lambda _: REPLY) as (one, _), answering(lambda _: gone) as (other, refused):
        with PredictorClient(f"ipv4:127.0.0.1:{one},127.0.0.1:{other}") as both:
            for _ in range(20):
                both.predict(INSTRUMENT, make_row(1))
        assert refused["Predict"] > 0


def test_a_batch_by_command(client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.array([make_row(seed) for seed in range(1700)])
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(",".join(map(repr, row)) for row in rows.tolist()))
    code, out, _ = run_predict(capsys, client, "--batch", str(file))
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, [line["row"] for line in lines]) == (0, list(range(1700)))
    assert [line["score"] for line in lines] == Scorer.of(make_model(1)).scores(rows).tolist()
    assert {line["seq"] for line in lines} == {1}


def test_an_explanation_by_command(client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "row.json"
    file.write_text(json.dumps(make_row(9).tolist()))
    code, out, _ = run_predict(capsys, client, "--features", str(file), "--explain", "3")
    said = json.loads(out)
    assert (code, [one["name"] for one in said["contributions"]][3:]) == (0, ["others"])
    assert said["trust"]["flags"][0]["kind"] == "no_evidence"


def test_a_load_by_command(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--address", client.address, "--flat", "--seconds", "0.5", "--calls-per-s", "100"]
    assert main(["load", *arguments]) == 0
    said = json.loads(capsys.readouterr().out)
    assert 0 < said["calls"] <= 50
    assert (said["codes"], said["versions"]) == ({"OK": said["calls"]}, {"1": said["calls"]})
    assert main(["load", *arguments, "--instrument", "sim:NONE"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["codes"] == {"NOT_FOUND": said["calls"]}
