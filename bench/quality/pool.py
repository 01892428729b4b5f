"""Flags on next windows, counted window by window and pooled."""

from dataclasses import dataclass, field

import numpy as np

from bench.quality.contenders import Flags
from services.trainer.dataset.rows import Labels

SHARES = (0.02, 0.60)


@dataclass
class Pool:
    """Counts of flags on next windows, one entry a window."""

    rows: list[int] = field(default_factory=list)
    positives: list[int] = field(default_factory=list)
    flagged: list[int] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)

    def add(self, flags: Flags, labels: Labels) -> None:
        for column, value in (
            (self.rows, len(labels)),
            (self.positives, labels.sum()),
            (self.flagged, flags.sum()),
            (self.hits, labels[flags].sum()),
        ):
            column.append(int(value))

    def figures(self) -> dict[str, float]:
        """Lift: pooled precision minus pooled base rate."""
        rows, positives, flagged, hits = (sum(c) for c in (self.rows, self.positives, self.flagged, self.hits))
        precision, base = hits / max(flagged, 1), positives / max(rows, 1)
        usual = [SHARES[0] <= f / r <= SHARES[1] for f, r in zip(self.flagged, self.rows, strict=True) if r]
        return {
            "windows": len(self.rows),
            "base_rate": round(base, 4),
            "precision": round(precision, 4),
            "lift": round(precision - base, 4),
            "recall": round(hits / max(positives, 1), 4),
            "share_in_range": round(float(np.mean(usual)), 3) if usual else 0.0,
        }
