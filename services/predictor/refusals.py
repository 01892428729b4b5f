"""Why a call gets no score, in the language of the problem; what protocol carries it is the servicer's matter."""

from enum import StrEnum

from tidewheel.domain.errors import TidewheelError


class RefusalReason(StrEnum):
    """Kinds of refusal. They differ in what the caller can do about it."""

    INVALID_INPUT = "invalid_input"  # mend the request
    UNKNOWN_INSTRUMENT = "unknown_instrument"  # ask for another one
    UNKNOWN_VERSION = "unknown_version"  # ask for another one
    NO_MODEL = "no_model"  # wait for the first window
    NO_HISTORY = "no_history"  # wait for the market
    REGISTRY_UNAVAILABLE = "registry_unavailable"  # try again soon
    MARKET_UNAVAILABLE = "market_unavailable"  # try again soon
    NOT_TRUSTED = "not_trusted"  # wait for a better model, or for the market


class PredictionRefusedError(TidewheelError):
    """The message is for the caller."""

    def __init__(self, reason: RefusalReason, message: str, field: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field


def invalid_input(field: str, description: str, index: tuple[int, ...] = ()) -> PredictionRefusedError:
    """A request at fault, by field, like a field violation of google.rpc.BadRequest; `index`: where in it."""
    place = field + "".join(f"[{number}]" for number in index)
    return PredictionRefusedError(RefusalReason.INVALID_INPUT, f"{field}: {description}", place)
