"""Models that were not taken: what was said of each, and when it is worth another look. Pure."""

from dataclasses import dataclass

from tidewheel.registry.verify import VerificationFailure
from tidewheel.runtime.retry import Retry

# After a refusal, and at most: what did not verify a moment ago will hardly do so now.
BACKOFF = Retry(1.0, pause_max_s=30.0)
Refusal = tuple[bytes, VerificationFailure]


@dataclass(slots=True)
class RefusedModel:
    """What was refused, how often, and when to look again."""

    refusal: Refusal
    attempts: int
    next_attempt_s: float


class RefusedModels:
    """By instrument. `state`: what was read of its pointer."""

    def __init__(self) -> None:
        self._refused: dict[str, RefusedModel] = {}

    def is_due(self, instrument: str, state: bytes, now_s: float) -> bool:
        """Whether it is worth a look: another pointer always is."""
        refused = self._refused.get(instrument)
        return refused is None or refused.refusal[0] != state or now_s >= refused.next_attempt_s

    def due(self, now_s: float) -> list[str]:
        """Instruments whose wait is over."""
        return [instrument for instrument, one in self._refused.items() if now_s >= one.next_attempt_s]

    def note(self, instrument: str, refusal: Refusal, now_s: float) -> bool:
        """Take down a refusal. Whether it is a new one, which people want to hear of."""
        known = self._refused.get(instrument)
        again = known is not None and known.refusal == refusal
        attempts = known.attempts + 1 if known is not None and again else 1
        self._refused[instrument] = RefusedModel(refusal, attempts, now_s + BACKOFF.pause_after(attempts))
        return not again

    def retry_now(self, instrument: str, now_s: float) -> None:
        """Something has happened to the instrument: the wait is over."""
        if refused := self._refused.get(instrument):
            refused.next_attempt_s = now_s

    def forget(self, instrument: str) -> None:
        """All is well."""
        self._refused.pop(instrument, None)
