"""Models that were not taken: what was said of each, and when it is worth another look. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from tidewheel.telemetry.reported_failures import ReportedFailures

Refusal = tuple[bytes, str]


@dataclass(slots=True)
class RefusedModel:
    """What was read of its pointer, how often it was refused, and when to look again."""

    state: bytes
    attempts: int
    next_attempt_s: float


class RefusedModels:
    """By instrument. `state`: what was read of its pointer. A refusal is such a state and a reason."""

    def __init__(self, pause_after: Callable[[int], float]) -> None:
        """`pause_after`: seconds to wait after so many refusals in a row."""
        self._pause_after = pause_after
        self._refused: dict[str, RefusedModel] = {}
        self._reported = ReportedFailures[str]()

    def is_due(self, instrument: str, state: bytes, now_s: float) -> bool:
        """Whether it is worth a look: another pointer always is."""
        refused = self._refused.get(instrument)
        return refused is None or refused.state != state or now_s >= refused.next_attempt_s

    def due(self, now_s: float) -> list[str]:
        """Instruments whose wait is over."""
        return [instrument for instrument, one in self._refused.items() if now_s >= one.next_attempt_s]

    def note(self, instrument: str, refusal: Refusal, now_s: float) -> bool:
        """Take down a refusal. Whether it is a new one, which people want to hear of."""
        is_new = self._reported.is_new(instrument, refusal)
        attempts = 1 if is_new else self._refused[instrument].attempts + 1
        self._refused[instrument] = RefusedModel(refusal[0], attempts, now_s + self._pause_after(attempts))
        return is_new

    def retry_now(self, instrument: str, now_s: float) -> None:
        """Something has happened to the instrument: the wait is over."""
        if refused := self._refused.get(instrument):
            refused.next_attempt_s = now_s

    def forget(self, instrument: str) -> None:
        """All is well."""
        self._refused.pop(instrument, None)
        self._reported.clear(instrument)
