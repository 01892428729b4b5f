"""Why a call gets no score, in the language of the problem; what protocol carries it is the servicer's matter."""

from enum import StrEnum


class Why(StrEnum):
    """Kinds of refusal. They differ in what the caller can do about it."""

    BAD_INPUT = "bad_input"  # mend the request
    UNKNOWN_INSTRUMENT = "unknown_instrument"  # ask for another one
    NO_MODEL = "no_model"  # wait for the first window
    NO_HISTORY = "no_history"  # wait for the market
    REGISTRY_AWAY = "registry_away"  # try again soon
    MARKET_AWAY = "market_away"  # try again soon


class Refused(Exception):
    """The message is for the caller."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why


def bad_input(field: str, description: str) -> Refused:
    """A request at fault, by field, like a field violation of google.rpc.BadRequest."""
    return Refused(Why.BAD_INPUT, f"{field}: {description}")
