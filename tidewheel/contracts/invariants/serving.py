"""What callers really got, held against what the labeler wrote of the same instants and what the named models score.
Pure.

Fed in this order: all predictions, then orders, then examples. A prediction of PredictNow is joined with the first
order of the market second after the one that its features know, placed at the very quote that it was asked at: the same
instant as far as anyone could know it. Their features must be equal bit for bit.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidewheel.domain.features import FEATURE_NAMES, Example
from tidewheel.domain.models import Model, Scorer
from tidewheel.domain.orders import SecondOrders
from tidewheel.domain.predictions import ServedPrediction

KEPT_EACH = 20

# Instrument, window and checksum -> the model; None where it is not kept.
ModelOf = Callable[[str, int, str], Model | None]
_Instant = tuple[str, int, int, int]  # instrument, second, bid, offer


@dataclass(slots=True)
class Counts:
    """Labelled answers: how many, how many were PROFIT, were flagged, and both."""

    rows: int = 0
    positives: int = 0
    flagged: int = 0
    hits: int = 0

    def add(self, label: int, flag: int) -> None:
        self.rows += 1
        self.positives += label
        self.flagged += flag
        self.hits += label & flag

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "positives": self.positives,
            "flagged": self.flagged,
            "hits": self.hits,
            "base_rate": self.positives / self.rows if self.rows else None,
            "precision": self.hits / self.flagged if self.flagged else None,
            "recall": self.hits / self.positives if self.positives else None,
        }


@dataclass(slots=True)
class ServingAudit:
    """`differences`: the first places where something differs, in words; all are counted in `found`."""

    model_of: ModelOf
    found: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    served: Counts = field(default_factory=Counts)
    # The candidate and the answers, both on rows that both scored.
    candidate: Counts = field(default_factory=Counts)
    by_served_model: Counts = field(default_factory=Counts)
    _waiting: dict[_Instant, list[tuple[str, ServedPrediction]]] = field(default_factory=lambda: defaultdict(list))
    _joined: dict[tuple[str, int], list[tuple[str, ServedPrediction]]] = field(default_factory=dict)
    _scorers: dict[tuple[str, int, str], Scorer | None] = field(default_factory=dict)

    def on_prediction(self, prediction: ServedPrediction, place: str) -> None:
        """`place`: where it lies, for people."""
        self.found["predictions"] += 1
        self._check_answer(prediction, place)
        if prediction.second:
            key = (prediction.instrument, prediction.second + 1, prediction.bid_e9, prediction.offer_e9)
            self._waiting[key].append((place, prediction))
        else:
            self.found["no_instant"] += 1

    def _check_answer(self, prediction: ServedPrediction, place: str) -> None:
        scorer = self._scorer(prediction.instrument, prediction.model_seq, prediction.model_sha256)
        if scorer is None:
            self.found["model_not_kept"] += 1
            return
        score = scorer.score(np.frombuffer(prediction.features, dtype="<f4"))
        own = (score, int(score >= scorer.threshold), scorer.threshold)
        values = (prediction.score, prediction.label, prediction.threshold)
        if own == values:
            self.found["answers_equal"] += 1
        else:
            self._differs(
                "answers_different",
                f"{place}: score, label and threshold {values}, model {prediction.model_seq} gives {own}",
            )

    def _scorer(self, *name: Any) -> Scorer | None:
        if name not in self._scorers:
            model = self.model_of(*name)
            self._scorers[name] = None if model is None else Scorer.of(model)
        return self._scorers[name]

    def on_orders(self, orders: SecondOrders) -> None:
        """A market second's orders; a repeat joins nothing new."""
        for order_id, bid_e9, offer_e9 in zip(
            orders.order_id.tolist(), orders.bid_e9.tolist(), orders.offer_e9.tolist(), strict=True
        ):
            predictions = self._waiting.pop((orders.instrument, orders.second, bid_e9, offer_e9), None)
            if predictions is not None:
                self._joined[orders.instrument, order_id] = predictions

    def on_example(self, example: Example) -> None:
        """A labelled row."""
        for place, prediction in self._joined.pop((example.instrument, example.order_id), ()):
            self._check_features(prediction, example, place)
            self.served.add(example.label, prediction.label)
            if prediction.candidate_seq:
                self.candidate.add(example.label, prediction.candidate_label)
                self.by_served_model.add(example.label, prediction.label)

    def _check_features(self, prediction: ServedPrediction, example: Example, place: str) -> None:
        if prediction.features == example.features:
            self.found["features_equal"] += 1
            return
        ours, theirs = (np.frombuffer(one, dtype="<u4") for one in (prediction.features, example.features))
        differing = np.flatnonzero(ours != theirs)
        at = int(differing[0])
        values = (float(np.frombuffer(one, dtype="<f4")[at]) for one in (prediction.features, example.features))
        served, labelled = values
        self._differs(
            "features_different",
            f"{place}: {len(differing)} features differ from order {example.order_id}'s, the first is "
            f"{FEATURE_NAMES[at]}: {served!r} served, {labelled!r} in the example",
        )

    def _differs(self, kind: str, words: str) -> None:
        self.found[kind] += 1
        if self.found[kind] <= KEPT_EACH:
            self.differences.append(words)

    @property
    def broken(self) -> bool:
        """Whether anything differs that must not."""
        return bool(self.found["features_different"] or self.found["answers_different"])

    @property
    def parity(self) -> float | None:
        """Share of the rows compared whose features are equal; None where none was compared."""
        compared = self.found["features_equal"] + self.found["features_different"]
        return self.found["features_equal"] / compared if compared else None

    def as_dict(self) -> dict[str, Any]:
        found = self.found
        return {
            "predictions": found["predictions"],
            "unreadable": found["unreadable"],
            "answers": {
                "equal": found["answers_equal"],
                "different": found["answers_different"],
                "model_not_kept": found["model_not_kept"],
            },
            "features": {
                "equal": found["features_equal"],
                "different": found["features_different"],
                "parity": self.parity,
                "no_instant": found["no_instant"],
                "no_order": sum(map(len, self._waiting.values())),
                "no_label": sum(map(len, self._joined.values())),
            },
            "served": self.served.as_dict(),
            "candidate": {**self.candidate.as_dict(), "served_there": self.by_served_model.as_dict()},
            "differences": self.differences,
        }

    def lines(self) -> list[str]:
        """For people."""
        values, features, answers = self.as_dict(), self.as_dict()["features"], self.as_dict()["answers"]
        parity = "nothing to compare yet" if self.parity is None else f"parity {self.parity:.2%}"
        lines = [
            f"{values['predictions']:,} answers read, {values['unreadable']:,} records that cannot be read",
            f"answers: {answers['equal']:,} as the named model scores them, {answers['different']:,} different, "
            f"{answers['model_not_kept']:,} of models that are not kept",
            f"features: {features['equal']:,} equal to the labeler's bit for bit, {features['different']:,} different: "
            f"{parity}; {features['no_instant']:,} given by callers, {features['no_order']:,} with no order at that "
            f"quote, {features['no_label']:,} whose order has no label yet",
            f"served: {_precision_text(self.served)}",
        ]
        if self.candidate.rows:
            same = _precision_text(self.by_served_model)
            lines.append(f"candidate: {_precision_text(self.candidate)}; served on the same: {same}")
        return lines + self.differences


def _precision_text(counts: Counts) -> str:
    if not counts.rows:
        return "no answer has a label yet"
    base_rate = f"base rate {counts.positives / counts.rows:.3f} of {counts.rows:,} labelled answers"
    if not counts.flagged:
        return f"nothing flagged; {base_rate}"
    recall = f", recall {counts.hits / counts.positives:.3f}" if counts.positives else ""
    return f"precision {counts.hits / counts.flagged:.3f} of {counts.flagged:,} flagged{recall}; {base_rate}"
