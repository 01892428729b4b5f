"""Which examples make which model: window w (from 1) = the W examples that end with example_seq W + (w-1)·S.

See docs/semantics.md, "Windows".
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Windowing:
    """Window size W and step S in examples; S = W is tumbling, a smaller S refreshes sooner."""

    size: int
    step: int

    def __post_init__(self) -> None:
        if not 0 < self.step <= self.size:
            raise ValueError(f"window step {self.step} must be from 1 to the window size {self.size}")

    def last_example_seq(self, window: int) -> int:
        """The example that closes a window."""
        return self.size + (window - 1) * self.step

    def first_example_seq(self, window: int) -> int:
        """The window's first example."""
        return (window - 1) * self.step + 1

    @property
    def apart(self) -> int:
        """Windows so many numbers apart are the nearest that share no example."""
        return -(-self.size // self.step)

    def closed_by(self, example_seq: int) -> int:
        """Number of windows closed once this example is there."""
        return max(0, (example_seq - self.size) // self.step + 1) if example_seq >= self.size else 0
