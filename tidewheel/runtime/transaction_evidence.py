"""What a client's own log says of the requests that end its transactions. Pure: lines in, a verdict out.

librdkafka sends an EndTxn again by itself when its connection is lost, and the call that waits for it never says so.
The first request may still be on its way, and end a later transaction of the same producer in the middle (ADR 24). What
the library does tell, in its log and before the call returns, is each answer or failure of each EndTxn, and each
connection that it loses. So a certain end is one for which exactly one answer was logged, of success: evidence that has
to be there. A library that logs other words makes every end uncertain, never false calm.
"""

import re
from enum import StrEnum

# The contexts that log the lines read here: a line an answer, and a line a connection that is lost.
DEBUG = "eos,broker"
ANSWER = re.compile(r"EndTxn returned (\w+) in state")
SUCCESS = "NO_ERROR"
# Facilities of librdkafka's lines on a connection that failed, and on requests that nobody answered in time.
LOST = "FAIL"
TIMED_OUT = "REQTMOUT"


class Uncertainty(StrEnum):
    """Why a request of a producer may still be under way, though its transaction has ended."""

    END_UNSEEN = "no answer to the end was logged"
    END_RESENT = "the end was sent more than once"
    CONNECTION_LOST = "a connection was lost"
    REQUEST_TIMED_OUT = "a request was not answered in time"


class TransactionEvidence:
    """A `logger` for one transactional producer; what is logged arrives with the producer's own calls."""

    def __init__(self) -> None:
        self._answers: list[str] = []
        self._failure: Uncertainty | None = None

    def log(self, _level: int, _format: str, facility: str, _client: str, text: str) -> None:
        """As librdkafka's client calls it."""
        if facility == "ENDTXN":
            if answer := ANSWER.search(text):
                self._answers.append(answer[1])
        elif facility == LOST:
            self._failure = Uncertainty.CONNECTION_LOST
        elif facility == TIMED_OUT:
            self._failure = Uncertainty.REQUEST_TIMED_OUT

    def on_initialised(self) -> None:
        """The producer's epoch is new: whatever went before can do no harm."""
        self._failure = None

    def on_ending(self) -> None:
        """An end is asked for now."""
        self._answers.clear()

    @property
    def uncertainty(self) -> Uncertainty | None:
        """Of the end that was asked for last; None where it and all before it are certain."""
        if self._answers == [SUCCESS]:
            return self._failure
        return Uncertainty.END_RESENT if self._answers else Uncertainty.END_UNSEEN
