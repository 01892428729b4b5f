"""The settings that shape labels."""

from dataclasses import dataclass

from tidewheel.domain.orders import ExitOn


@dataclass(frozen=True, slots=True)
class LabelerConfig:
    """`max_holding_ns` None: an order is open until a touch or its session's end."""

    exit_on: ExitOn = ExitOn.BID
    max_holding_ns: int | None = None

    def __str__(self) -> str:
        """Stored with the checkpoints, in words, so that a labeler of another configuration notices and can say so."""
        holding = "none" if self.max_holding_ns is None else f"{self.max_holding_ns}ns"
        return f"exit_on={self.exit_on} max_holding={holding}"
