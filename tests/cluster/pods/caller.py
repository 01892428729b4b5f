"""Runs in a pod: asks predictors for predictions until it is ended, and says each second what came of it, a JSON line.

`python3 caller.py INSTRUMENT CALLS_PER_S ADDRESS…`: all addresses in turn.
"""

import json
import sys
import time
from collections import Counter

from tidewheel.client import PredictionError, PredictorClient

# A cluster that is short of processors answers late; whether it answers is what is asked here.
TIMEOUT_S = 20.0


def main(instrument: str, calls_per_s: float, addresses: list[str]) -> None:
    """For ever."""
    clients = [PredictorClient(address, timeout_s=TIMEOUT_S) for address in addresses]
    begun_s, codes, slowest_s, version = time.monotonic(), Counter[str](), 0.0, 0
    while True:
        for client in clients:
            called_s = time.monotonic()
            try:
                version = max(version, client.predict_now(instrument).answer.version.seq)
                codes[f"{client.address} OK"] += 1
            except PredictionError as failure:
                codes[f"{client.address} {failure.code}: {failure}"] += 1
            slowest_s = max(slowest_s, time.monotonic() - called_s)
            time.sleep(max(0.0, called_s + 1 / calls_per_s - time.monotonic()))
        if time.monotonic() - begun_s >= 1:
            print(json.dumps({"codes": codes, "slowest_s": round(slowest_s, 3), "version": version}), flush=True)
            begun_s, codes, slowest_s = time.monotonic(), Counter(), 0.0


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
