"""What the predictor takes of memory is bounded, however many large messages come at once."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from services.predictor.servicer import SERVICE
from tests.hostile_callers import held_calls
from tests.predictors import Client, metric_value, process, running
from tests.predictors_under_load import peak_resident_bytes
from tests.synthetic_models import INSTRUMENT, make_row, published
from tests.waiting import LIMIT_S, eventually
from tidewheel.registry.store import Registry
from tidewheel.wire.v1 import predictor_pb2 as wire

pytestmark = pytest.mark.redis_server

ROWS, CALLS, CONNECTIONS, THREADS = 1_700, 160, 4, 2
GROWTH_BYTES_MAX = 120 * 2**20


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read of Linux")
def test_many_large_batches_at_once(registry: Registry, empty_redis: str, tmp_path: Path) -> None:
    registry.publish(*published(1))
    payload = wire.PredictBatchRequest(instrument=INSTRUMENT, features_f32=make_row(1).tobytes() * ROWS)
    with ExitStack() as stack:
        patient = {"GRPC_LARGE_THREADS": str(THREADS), "GRPC_MESSAGE_WAIT_S": "120"}
        started, port, _ = stack.enter_context(process(empty_redis, tmp_path, **patient))
        clients = [Client(port) for _ in range(CONNECTIONS)]
        eventually(lambda: clients[0].served() == (1, 1), "the model is served")
        before = peak_resident_bytes(started.pid)
        calls = [clients[at % CONNECTIONS].stub.PredictBatch.future(payload, timeout=LIMIT_S) for at in range(CALLS)]
        codes = Counter(call.code() for call in calls)
        grown = peak_resident_bytes(started.pid) - before
        for client in clients:
            client.channel.close()
    # A call whose caller is slow while others wait is ended, so on a busy machine some may be.
    assert codes[grpc.StatusCode.OK] > CALLS / 4
    assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.CANCELLED}
    assert grown < GROWTH_BYTES_MAX, f"{grown / 2**20:.0f} MiB"


def test_large_messages_take_no_place_of_others(registry: Registry, empty_redis: str) -> None:
    registry.publish(*published(1))
    with running(empty_redis, grpc_calls_max=4, grpc_large_threads=4, grpc_message_wait_s=LIMIT_S) as made:
        client = made.client
        eventually(lambda: client.served() == (1, 1), "the model is served")
        with held_calls(int(client.address.rpartition(":")[2]), f"/{SERVICE}/PredictBatch", 4):
            eventually(lambda: metric_value("tidewheel_rpcs_in_progress") == 4, "all their places are taken")
            batch = wire.PredictBatchRequest(instrument=INSTRUMENT, features_f32=make_row(1).tobytes())
            refusal = client.refusal(lambda: client.stub.PredictBatch(batch, timeout=LIMIT_S))
            assert refusal[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert client.predict(make_row(1)).model.seq == 1
