"""A run that cannot have a model, raised wherever that shows."""

from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.training import RunReason


class NoModelError(TidewheelError):
    """A run cannot have a model. `reason` is what is counted, the message is for people."""

    def __init__(self, reason: RunReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
