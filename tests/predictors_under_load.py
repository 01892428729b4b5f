"""A predictor's process under load: what callers get while it ends, and what it takes of memory."""

import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import grpc

from services.predictor.servicer import SERVICE
from tests.synthetic_models import INSTRUMENT, make_row
from tests.waiting import LIMIT_S
from tidewheel.wire.v1 import predictor_pb2 as wire


def drained_under_load(started: Any, port: int) -> Counter[grpc.StatusCode]:
    """What callers with one call at a time get from a predictor that is told to end, up to their first failure."""
    codes: Counter[grpc.StatusCode] = Counter()
    ready = threading.Barrier(9)

    def load() -> None:
        own = [("grpc.use_local_subchannel_pool", 1)]
        request = wire.PredictRequest(instrument=INSTRUMENT, features_f32=make_row(1).tobytes()).SerializeToString()
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=own) as channel:
            call = channel.unary_unary(f"/{SERVICE}/Predict")
            call(request, timeout=LIMIT_S, wait_for_ready=True)
            ready.wait(LIMIT_S)
            try:
                while True:
                    call(request, timeout=LIMIT_S)
                    codes[grpc.StatusCode.OK] += 1
            except grpc.RpcError as failure:
                codes[failure.code()] += 1

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    ready.wait(LIMIT_S)
    started.send_signal(signal.SIGTERM)
    assert started.wait(LIMIT_S) == 0
    for thread in threads:
        thread.join(LIMIT_S)
    return codes


def peak_resident_bytes(pid: int) -> int:
    """The most memory that a process ever held, as Linux tells it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
