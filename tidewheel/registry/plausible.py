"""Whether the numbers and texts of a model and of its record can be true. Decoding tells their types; this, their
range and length. Pure: a value in, the first fault in words out, or None."""

import math
from collections.abc import Iterator

from tidewheel.domain.account import Account
from tidewheel.domain.betting import PENDING_MAX, WEALTH_MAX
from tidewheel.domain.models import (
    Baseline,
    CalibrationBin,
    Champion,
    Confusion,
    Hyperparameters,
    Model,
    ModelRecord,
    PartMetrics,
    Scorecard,
)
from tidewheel.domain.prices import INT64_MAX
from tidewheel.registry.limits import SEQ_MAX

ROWS_MAX = 10**12
TEXT_LENGTH_MAX = 200
CONFIG_LENGTH_MAX = 100_000
MEMORY_MAX = 10_000
CURVE_POINTS_MAX = 1_000
BINS = 10
CAPITALS_MAX = 64
PERIODS_MAX = 64
DIGEST_BYTES = 32
# Sums and shares are floats: the last bits may be off.
SLACK = 1e-6

Faults = Iterator[str]


def record_fault(record: ModelRecord) -> str | None:
    """What cannot be true of a record, if anything."""
    return next(_record(record), None)


def model_fault(model: Model) -> str | None:
    """What cannot be true of a model's figures, if anything; its weights are another matter (`verify`)."""
    return next(_model(model), None)


def _record(record: ModelRecord) -> Faults:
    yield from _whole("seq", record.seq, 1, SEQ_MAX)
    if record.sha256 and not is_sha256(record.sha256):
        yield "its sha256 is none"
    yield from _text("reason", record.reason)
    for name in ("published_at_ns", "first_offset", "last_offset", "replay_offset"):
        yield from _whole(name, getattr(record, name), 0, INT64_MAX)
    yield from _whole("first_offset", record.first_offset, record.replay_offset, record.last_offset)
    yield from _whole("drift_seq", record.drift_seq, 0, SEQ_MAX)
    yield from _whole("breaks", record.breaks, 0, INT64_MAX)
    for name in ("hmac_sha256", "record_hmac_sha256"):
        if len(getattr(record, name)) not in (0, DIGEST_BYTES):
            yield f"{name} has {len(getattr(record, name))} bytes"
    if record.scorecard is not None:
        yield from _scorecard(record.scorecard)
    if record.champion is not None:
        yield from _champion(record.champion)


def is_sha256(text: str) -> bool:
    """Whether a text is a checksum as we write it."""
    return len(text) == 2 * DIGEST_BYTES and set(text) <= set("0123456789abcdef")


def _scorecard(card: Scorecard) -> Faults:
    yield from _counts("the scorecard's", card.rows, card.positives, card.flagged, card.hits)
    yield from _shares(card, "precision", "recall", "base_rate")
    yield from _decimal("log_loss", card.log_loss, 0, WEALTH_MAX)
    yield from _decimal("effective_rows", card.effective_rows, 0, card.rows * (1 + SLACK))
    yield from _calibration(card.calibration)
    if card.baseline is not None:
        yield from _baseline(card.baseline)
    if card.account is not None:
        yield from _account(card.account)


def _counts(whose: str, rows: int, positives: int, flagged: int, hits: int) -> Faults:
    yield from _whole(f"{whose} rows", rows, 0, ROWS_MAX)
    yield from _whole(f"{whose} positives", positives, 0, rows)
    yield from _whole(f"{whose} flagged", flagged, 0, rows)
    yield from _whole(f"{whose} hits", hits, max(0, flagged + positives - rows), min(flagged, positives))


def _baseline(counts: Baseline) -> Faults:
    yield from _counts("the baseline's", counts.rows, counts.positives, counts.flagged, counts.hits)


def _champion(champion: Champion) -> Faults:
    yield from _whole("the champion's seq", champion.seq, 1, SEQ_MAX)
    yield from _whole("the champion's flagged", champion.flagged, 0, ROWS_MAX)
    yield from _whole("the champion's hits", champion.hits, 0, champion.flagged)


def _calibration(bins: tuple[CalibrationBin, ...]) -> Faults:
    if len(bins) not in (0, BINS):
        yield f"calibration has {len(bins)} bins"
    for one in bins:
        yield from _whole("rows of a bin", one.rows, 0, ROWS_MAX)
        yield from _whole("positives of a bin", one.positives, 0, one.rows)
        yield from _decimal("score_sum of a bin", one.score_sum, 0, one.rows * (1 + SLACK))


def _account(account: Account) -> Faults:
    bettor = account.bettor
    for capitals in (bettor.gross, bettor.net):
        if not 1 <= len(capitals) <= CAPITALS_MAX:
            yield f"the bettor has {len(capitals)} capitals"
        for capital in capitals:
            yield from _decimal("a capital", capital, 0, WEALTH_MAX * (1 + SLACK))
    yield from _whole("bets", bettor.bets, 0, ROWS_MAX)
    yield from _whole("free_from_ns", bettor.free_from_ns, 0, INT64_MAX)
    if len(bettor.pending) > PENDING_MAX:
        yield f"{len(bettor.pending)} bets are pending"
    for bet in bettor.pending:
        yield from _whole("placed_ns of a bet", bet.placed_ns, 0, INT64_MAX)
        yield from _whole("resolved_ns of a bet", bet.resolved_ns, bet.placed_ns, INT64_MAX)
        yield from _decimal("result of a bet", bet.gross, -WEALTH_MAX, WEALTH_MAX)
        yield from _decimal("result of a bet", bet.net, -WEALTH_MAX, WEALTH_MAX)
    if len(account.periods) > PERIODS_MAX:
        yield f"the account has {len(account.periods)} periods"
    for period in account.periods:
        yield from _whole("seq of a period", period.seq, 1, SEQ_MAX)
        yield from _whole("from_ns of a period", period.from_ns, 0, INT64_MAX)
        yield from _whole("unit_e9 of a period", period.unit_e9, 1, INT64_MAX)
    yield from _whole("unit_e9", account.unit_e9, 0, INT64_MAX)


def _model(model: Model) -> Faults:
    yield from _whole("seq", model.seq, 1, SEQ_MAX)
    yield from _decimal("base_rate", model.base_rate, 0, 1)
    yield from _decimal("effective_rows", model.effective_rows, 0, ROWS_MAX)
    yield from _whole("first_placed_ns", model.first_placed_ns, 0, INT64_MAX)
    yield from _whole("last_resolved_ns", model.last_resolved_ns, 0, INT64_MAX)
    for name in ("training", "validation", "test"):
        yield from _part(name, getattr(model, name))
    yield from _hyperparameters(model.hyperparameters)
    lineage = model.lineage
    yield from _text("topic", lineage.topic)
    yield from _text("training_config", lineage.training_config, CONFIG_LENGTH_MAX)
    yield from _text("started_from", lineage.started_from, CONFIG_LENGTH_MAX)
    yield from _whole("partition", lineage.partition, 0, ROWS_MAX)
    yield from _whole("first_example_seq", lineage.first_example_seq, 0, INT64_MAX)
    yield from _whole("last_example_seq", lineage.last_example_seq, lineage.first_example_seq, INT64_MAX)
    if len(lineage.memory) > MEMORY_MAX:
        yield f"it remembers {len(lineage.memory)} windows"
    for one in lineage.memory:
        yield from _whole("seq of a window remembered", one.seq, 1, SEQ_MAX)
        yield from _decimal("weight of a window remembered", one.weight, 0, ROWS_MAX)


def _part(name: str, part: PartMetrics) -> Faults:
    yield from _whole(f"rows of {name}", part.rows, 0, ROWS_MAX)
    yield from _whole(f"positives of {name}", part.positives, 0, part.rows)
    yield from _shares(part, "precision", "recall", "base_rate", "auc")
    yield from _decimal("log_loss", part.log_loss, 0, WEALTH_MAX)
    yield from _decimal("effective_rows", part.effective_rows, 0, ROWS_MAX)
    for matrix in (part.at_half, part.at_threshold, part.at_three_quarters):
        yield from _confusion(matrix)
    if len(part.curve) > CURVE_POINTS_MAX:
        yield f"a curve has {len(part.curve)} points"
    for point in part.curve:
        yield from _shares(point, "precision", "recall")
        if math.isnan(point.threshold):
            yield "a curve's threshold is no number"
    yield from _calibration(part.calibration)


def _confusion(matrix: Confusion) -> Faults:
    for name in ("true_positives", "false_positives", "false_negatives", "true_negatives"):
        yield from _whole(name, getattr(matrix, name), 0, ROWS_MAX)
    if math.isnan(matrix.threshold):
        yield "a threshold is no number"


def _hyperparameters(chosen: Hyperparameters) -> Faults:
    for name in ("l1", "learning_rate", "positive_example_weight_mult", "wd"):
        yield from _decimal(name, getattr(chosen, name), 0, WEALTH_MAX)


def _shares(owner: object, *names: str) -> Faults:
    for name in names:
        yield from _decimal(name, getattr(owner, name), -SLACK, 1 + SLACK)


def _whole(name: str, value: int, low: int, high: int) -> Faults:
    if not low <= value <= high:
        yield f"{name} is {value}, which does not lie between {low} and {high}"


def _decimal(name: str, value: float, low: float, high: float) -> Faults:
    if not low <= value <= high:  # nor is NaN
        yield f"{name} is {value:g}, which does not lie between {low:g} and {high:g}"


def _text(name: str, value: str, length_max: int = TEXT_LENGTH_MAX) -> Faults:
    if len(value) > length_max:
        yield f"{name} has {len(value)} characters"
    if not value.isprintable():
        yield f"{name} holds characters that are not printable"
