"""`tidewheel predict`: one question to the predictor, one JSON object on standard output."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import grpc
import numpy as np
from numpy.typing import NDArray

from tidewheel.cli.options import FiniteRange, Parsed
from tidewheel.domain.market import check_instrument
from tidewheel.domain.prices import price_e9
from tidewheel.wire.v1 import predictor_pb2
from tidewheel.wire.v1.predictor_pb2_grpc import PredictorServiceStub

NPY = b"\x93NUMPY"
FLOAT32_MAX = float(np.finfo(np.float32).max)
# Far more than 605 numbers in any form; what is longer is no row.
FEATURES_BYTES_MAX = 1_000_000


def price(text: str) -> int:
    """A price as a decimal, in 1e-9 units."""
    value = price_e9(text)
    if value <= 0:
        raise ValueError(f"{text} is no price: give a positive decimal like 64250.5")
    return value


def parse_features(content: bytes) -> NDArray[np.float32]:
    """The numbers in a JSON list, a CSV line or an .npy array. Raises ValueError in words for people."""
    if content.startswith(NPY):
        return _parse_npy(content)
    try:
        text = content.decode().strip()
        numbers = json.loads(text) if text.startswith("[") else [float(number) for number in text.split(",")]
    except ValueError:
        raise ValueError("must be one row of numbers: a JSON list, one CSV line or an .npy array") from None
    if any(type(number) not in (int, float) for number in numbers):
        raise ValueError("holds something that is no number")
    return _as_row(numbers)


def _parse_npy(content: bytes) -> NDArray[np.float32]:
    try:
        numbers = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError):
        raise ValueError("is an .npy file that holds no array of numbers") from None
    if numbers.dtype.kind not in "fiu" or numbers.ndim not in (1, 2) or (numbers.ndim == 2 and len(numbers) != 1):
        raise ValueError(f"holds an array of {numbers.dtype} with the shape {numbers.shape}; one row is wanted")
    return _as_row(numbers.reshape(-1).tolist())


def _as_row(numbers: list[int | float]) -> NDArray[np.float32]:
    if not all(abs(number) <= FLOAT32_MAX for number in numbers):
        raise ValueError("holds a number that is not finite, or too large for a float32")
    return np.array(numbers, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class PredictorClient:
    """One channel to a predictor, with a deadline on every call and one clear line for every failure."""

    stub: PredictorServiceStub
    address: str
    timeout_s: float

    def call(self, method: str, request: Any) -> Any:
        """The reply. Raises ClickException."""
        try:
            return getattr(self.stub, method)(request, timeout=self.timeout_s)
        except grpc.RpcError as failure:
            raise click.ClickException(
                self._error_message(failure.code(), failure.details() or "no reason given")
            ) from None

    def _error_message(self, code: grpc.StatusCode, details: str) -> str:
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"the predictor at {self.address} gave no answer within {self.timeout_s:g} s"
        if code is grpc.StatusCode.UNAVAILABLE and "connect" in details:
            return f"no predictor answers at {self.address}; start one with `tidewheel run`, or give --address"
        return f"{details} ({code.name})"


@click.command()
@click.option(
    "--instrument",
    type=Parsed("id", check_instrument),
    default="sim:BTC-USD",
    show_default=True,
    help="Instrument id: feed and symbol, as in sim:BTC-USD.",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    envvar="TIDEWHEEL_PREDICTOR",
    default="127.0.0.1:50051",
    show_default=True,
    show_envvar=True,
    help="Where the predictor listens.",
)
@click.option(
    "--features",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True, exists=True),
    help="Score this row instead of the market now: a JSON list, one CSV line or an .npy array of 605 numbers; "
    "- reads standard input.",
)
@click.option(
    "--bid", type=Parsed("price", price), help="With --offer: the quote you see, instead of the market's last."
)
@click.option("--offer", type=Parsed("price", price), help="With --bid: the price you would buy at.")
@click.option(
    "--timeout",
    "timeout_s",
    type=FiniteRange(0.01, 600),
    default=5.0,
    show_default=True,
    help="Seconds to wait for the answer.",
)
def predict(
    instrument: str, address: str, features: Path | None, bid: int | None, offer: int | None, timeout_s: float
) -> None:
    """Ask the predictor for a score, and print it with the model's version as JSON.

    Without --features: "if I buy now, will the price rise to the upper threshold before it falls to the lower one?",
    with features cut from the live market. `label` is 1 where `score` reaches the model's `threshold`.
    """
    if (bid is None) != (offer is None):
        raise click.UsageError("give both --bid and --offer, or neither")
    if features is not None and bid is not None:
        raise click.UsageError("--bid and --offer are for a score of the market now, not for --features")
    if bid is not None and offer is not None and bid > offer:
        raise click.UsageError("the quote is crossed: --bid is above --offer")
    row = None if features is None else _read(features)
    with grpc.insecure_channel(address) as channel:
        client = PredictorClient(PredictorServiceStub(channel), address, timeout_s)  # type: ignore[no-untyped-call]
        answer = (
            _score_now(client, instrument, bid or 0, offer or 0) if row is None else _score(client, instrument, row)
        )
    click.echo(json.dumps({"instrument": instrument, **answer}))


def _read(path: Path) -> NDArray[np.float32]:
    try:
        with click.open_file(str(path), "rb") as file:
            content = file.read(FEATURES_BYTES_MAX + 1)
        if len(content) > FEATURES_BYTES_MAX:
            raise ValueError("is too long for one row of numbers")
        return parse_features(content)
    except (ValueError, OSError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) and failure.strerror else failure
        raise click.BadParameter(f"{path}: {reason}", param_hint="--features") from None


def _score(client: PredictorClient, instrument: str, row: NDArray[np.float32]) -> dict[str, object]:
    request = predictor_pb2.PredictRequest(instrument=instrument, features=row.tolist())
    return _as_dict(client.call("Predict", request))


def _score_now(client: PredictorClient, instrument: str, bid_e9: int, offer_e9: int) -> dict[str, object]:
    request = predictor_pb2.PredictNowRequest(instrument=instrument, bid_e9=bid_e9, offer_e9=offer_e9)
    reply = client.call("PredictNow", request)
    seen = {name: getattr(reply, name) for name in ("second", "bid_e9", "offer_e9", "stale")}
    return {**_as_dict(reply.prediction), **seen}


def _as_dict(reply: predictor_pb2.PredictResponse) -> dict[str, object]:
    version = {name: getattr(reply.model, name) for name in ("seq", "epoch", "sha256")}
    return {
        "score": reply.score,
        "label": reply.label,
        "threshold": reply.threshold,
        "version": version,
        "evidence": reply.evidence,
    }
