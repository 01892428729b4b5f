"""`tidewheel predict`: questions to the predictor, JSON on standard output."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from tidewheel.cli.options import Parsed, asked_instrument_option
from tidewheel.cli.predict_input import read_batches, read_row
from tidewheel.cli.predictor_access import address_options, asking
from tidewheel.client import Answer, Explanation, NowAnswer, PredictorClient
from tidewheel.domain.prices import price_e9

# Rows of a batch that are sent at once; half of what a predictor takes.
ROWS_EACH = 800


def price(text: str) -> int:
    """A price as a decimal, in 1e-9 units."""
    value = price_e9(text)
    if value <= 0:
        raise ValueError(f"{text} is no price: give a positive decimal like 64250.5")
    return value


@click.command()
@asked_instrument_option
@click.option(
    "--features",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True, exists=True),
    help="Score this row instead of the market now: a JSON list, one CSV line or an .npy array of 605 numbers; "
    "- reads standard input.",
)
@click.option(
    "--batch",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Score every row of this .csv or .parquet file, a JSON line each: a column features as `tidewheel export` "
    "writes it, or 605 columns.",
)
@click.option(
    "--bid", type=Parsed("price", price), help="With --offer: the quote you see, instead of the market's last."
)
@click.option("--offer", type=Parsed("price", price), help="With --bid: the price you would buy at.")
@click.option(
    "--explain",
    "largest",
    metavar="N",
    type=click.IntRange(1, 605),
    help="Say too what the score is made of: the N largest contributions, and the others in one.",
)
@click.option("--watch", is_flag=True, help="Follow the serving model and its scorecards, a JSON line a change.")
@address_options
def predict(
    instrument: str,
    features: Path | None,
    batch: Path | None,
    bid: int | None,
    offer: int | None,
    largest: int | None,
    watch: bool,
    client: PredictorClient,
) -> None:
    """Ask the predictor for a score, and print it with what it is worth as JSON.

    Without --features or --batch: "if I buy now, will the price rise to the upper threshold before it falls to the
    lower one?", with features cut from the live market. `label` is 1 where `score` reaches the model's `threshold`;
    `trust` says what the answer is worth, and its `flags` what speaks against it.
    """
    given = [
        name for name, value in (("--features", features), ("--batch", batch), ("--watch", watch or None)) if value
    ]
    if len(given) > 1:
        raise click.UsageError(f"give only one of {', '.join(given)}")
    if (bid is None) != (offer is None):
        raise click.UsageError("give both --bid and --offer, or neither")
    if given and bid is not None:
        raise click.UsageError(f"--bid and --offer are for a score of the market now, not for {given[0]}")
    if bid is not None and offer is not None and bid > offer:
        raise click.UsageError("the quote is crossed: --bid is above --offer")
    if largest is not None and (batch is not None or watch):
        raise click.UsageError(f"--explain takes one score apart, not {given[0]}")
    row = None if features is None else _row(features)
    with asking(client):
        for line in _lines(client, instrument, row, batch, (bid or 0, offer or 0), largest, watch):
            click.echo(json.dumps({"instrument": instrument, **line}))


def _lines(
    client: PredictorClient,
    instrument: str,
    row: NDArray[np.float32] | None,
    batch: Path | None,
    quote: tuple[int, int],
    largest: int | None,
    watch: bool,
) -> Iterator[dict[str, object]]:
    if watch:
        yield from (asdict(update) for update in client.watch(instrument))
    elif batch is not None:
        yield from _batch(client, instrument, batch)
    elif row is not None:
        yield (
            _explained(client.explain(instrument, row, largest))
            if largest
            else answer_dict(client.predict(instrument, row))
        )
    elif largest:
        yield _explained(client.explain_now(instrument, *quote, largest))
    else:
        yield now_dict(client.predict_now(instrument, *quote))


def _row(path: Path) -> NDArray[np.float32]:
    try:
        return read_row(path)
    except (ValueError, OSError) as failure:
        raise _bad_file(path, failure, "--features") from None


def _bad_file(path: Path, failure: Exception, option: str) -> click.BadParameter:
    reason = failure.strerror if isinstance(failure, OSError) and failure.strerror else failure
    return click.BadParameter(f"{path}: {reason}", param_hint=option)


def _batch(client: PredictorClient, instrument: str, path: Path) -> Iterator[dict[str, object]]:
    """A line a row; rows that are sent at once are scored by one model."""
    number = 0
    batches = read_batches(path, ROWS_EACH)
    while True:
        try:
            rows = next(batches, None)
        except (ValueError, OSError) as failure:
            raise _bad_file(path, failure, "--batch") from None
        if rows is None:
            return
        answer = client.predict_batch(instrument, rows)
        flags = [flag.kind for flag in answer.trust.flags]
        for score, label in zip(answer.scores, answer.labels, strict=True):
            yield {"row": number, "score": score, "label": label, "seq": answer.version.seq, "flags": flags}
            number += 1


def answer_dict(answer: Answer) -> dict[str, object]:
    """One answer as JSON."""
    return asdict(answer)


def now_dict(now: NowAnswer) -> dict[str, object]:
    """One answer of an order bought now as JSON, flat."""
    return {
        **asdict(now.answer),
        "second": now.second,
        "bid_e9": now.bid_e9,
        "offer_e9": now.offer_e9,
        "stale": now.stale,
    }


def _explained(found: Explanation) -> dict[str, object]:
    values = asdict(found)
    return {**values.pop("answer"), **values}
