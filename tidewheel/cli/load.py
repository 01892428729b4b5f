"""`tidewheel load`: calls at a steady rate, for demonstrations and for a look at a predictor under load."""

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import click
import numpy as np

from tidewheel.cli.options import FiniteRange, asked_instrument_option
from tidewheel.cli.predictor_access import address_options
from tidewheel.client import PredictionError, PredictorClient
from tidewheel.domain.features import FEATURE_COUNT

FLAT_MARKET = np.zeros(FEATURE_COUNT, dtype=np.float32)


@dataclass(slots=True)
class LoadResult:
    """What came of the calls. `codes`: by the status's name."""

    took_s: list[float] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)

    def as_dict(self, wall_s: float) -> dict[str, object]:
        median_s, high_s = np.percentile(self.took_s, (50, 99)).tolist() if self.took_s else (None, None)
        return {
            "calls": self.codes.total(),
            "calls_per_s": round(self.codes.total() / wall_s, 1) if wall_s else None,
            "codes": dict(self.codes),
            "p50_ms": median_s and round(median_s * 1e3, 3),
            "p99_ms": high_s and round(high_s * 1e3, 3),
            "versions": dict(self.versions),
            "flags": dict(self.flags),
        }


@click.command()
@asked_instrument_option
@click.option(
    "--calls-per-s",
    type=FiniteRange(0.1, 2_000),
    default=20.0,
    show_default=True,
    help="Rate; a predictor that is slower lowers it.",
)
@click.option("--seconds", type=FiniteRange(0.1, 3_600), default=10.0, show_default=True, help="For how long to call.")
@click.option("--in-flight", type=click.IntRange(1, 32), default=4, show_default=True, help="Calls at a time, at most.")
@click.option(
    "--flat", is_flag=True, help="Score a market that does not move (Predict) instead of the live one (PredictNow)."
)
@address_options
def load(
    instrument: str, calls_per_s: float, seconds: float, in_flight: int, flat: bool, client: PredictorClient
) -> None:
    """Call a predictor at a steady rate, and print what came of it as JSON.

    A figure of this command is one of its own speed too: it is for demonstrations, `make bench` measures.
    """
    result, turn, lock = LoadResult(), iter(range(max(1, round(calls_per_s * seconds)))), threading.Lock()
    started_s = time.monotonic()

    def work() -> None:
        while True:
            with lock:
                number = next(turn, None)
            if number is None or time.monotonic() - started_s > seconds:
                return
            time.sleep(max(0.0, started_s + number / calls_per_s - time.monotonic()))
            _call(client, instrument, flat, result, lock)

    with client, ThreadPoolExecutor(in_flight) as pool:
        for one in [pool.submit(work) for _ in range(in_flight)]:
            one.result()
    click.echo(json.dumps({"instrument": instrument, **result.as_dict(time.monotonic() - started_s)}))


def _call(client: PredictorClient, instrument: str, flat: bool, result: LoadResult, lock: threading.Lock) -> None:
    began_s = time.perf_counter()
    try:
        answer = client.predict(instrument, FLAT_MARKET) if flat else client.predict_now(instrument).answer
    except PredictionError as failure:
        with lock:
            result.codes[failure.code] += 1
        return
    took_s = time.perf_counter() - began_s
    with lock:
        result.took_s.append(took_s)
        result.codes["OK"] += 1
        result.versions[answer.version.seq] += 1
        result.flags.update(flag.kind for flag in answer.trust.flags)
