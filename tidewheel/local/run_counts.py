"""What came of quotes, counted: the same for a run and for a comparison without servers."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tidewheel.domain.orders import NotPlacedReason, Outcome


@dataclass(slots=True)
class RunCounts:
    """Quotes accepted, market seconds, orders placed and not, how they ended, examples, dead letters."""

    ticks: int = 0
    bars: int = 0
    placed: int = 0
    not_placed: Counter[NotPlacedReason] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    examples: int = 0
    dead_letters: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "ticks": self.ticks,
            "bars": self.bars,
            "orders": {
                "placed": self.placed,
                "not_placed": self.not_placed.total(),
                "not_placed_by_reason": {reason.name.lower(): self.not_placed[reason] for reason in NotPlacedReason},
            },
            "transactions": {outcome.name: self.outcomes[outcome] for outcome in Outcome},
            "examples": self.examples,
            "dead_letters": self.dead_letters,
        }
