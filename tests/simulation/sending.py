"""How a client sends the requests that change something, and what it writes in its log of them, as librdkafka does."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException

from tests.simulation import failures
from tests.simulation.network import Hold, Request
from tests.simulation.records import Fate
from tests.simulation.stage import Stage

T = TypeVar("T")
# How long librdkafka waits before it sends offsets again; an end it sends at once.
RESEND_WAIT_S = 0.5
STATES = {Fate.COMMITTED: "CommittingTransaction", Fate.ABORTED: "AbortingTransaction"}
DEBUG, NOTICE, WARNING, ERROR = 10, 20, 30, 40  # as confluent-kafka maps librdkafka's levels
COORDINATOR = "[thrd:TxnCoordinator]: TxnCoordinator/1"
# The same failure of a connection is told twice in 30 s; of a request that timed out each time is.
FAILS_TOLD = 2


class Logger(Protocol):
    """What a client is given as its `logger`."""

    def log(self, level: int, words: str, *args: object) -> None:
        """`args`: facility, name of the client, text."""


class ClientLog:
    """Lines wait until the client is polled or flushed. There are none without a `logger` and `debug` of `eos`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        on = "eos" in str(config.get("debug", "")).split(",")
        self._logger: Logger | None = config.get("logger") if on else None
        self._name = f"{config.get('client.id', 'rdkafka')}#producer-1"
        self._lines: list[tuple[int, str, str]] = []
        self._fails = 0

    def line(self, level: int, facility: str, text: str) -> None:
        if self._logger is not None:
            self._lines.append((level, facility, text))

    def tell(self) -> None:
        """Hand over what was written."""
        lines, self._lines = self._lines, []
        for level, facility, text in lines:
            assert self._logger is not None
            self._logger.log(level, "%s [%s] %s", facility, self._name, text)

    def ended(self, error: int, fate: Fate) -> None:
        """One answer, or the loss, of one EndTxn."""
        name = KafkaError(KafkaError.INVALID_PRODUCER_EPOCH if error == KafkaError._FENCED else error).name()
        text = f"[thrd:main]: EndTxn returned {name} in state {STATES[fate]} (may_retry=true)"
        self.line(DEBUG, "ENDTXN", text)

    def nothing_to_end(self, fate: Fate) -> None:
        facility = "TXNCOMMIT" if fate is Fate.COMMITTED else "TXNABORT"
        self.line(DEBUG, facility, "[thrd:main]: No partitions registered: not sending EndTxn")

    def lost(self, error: int, request: Request) -> None:
        """A connection that took a request with it."""
        if error == KafkaError._TIMED_OUT:
            text = f"Timed out {request}Request in flight (after 6006ms, timeout #0)"
            self.line(NOTICE, "REQTMOUT", f"{COORDINATOR}: {text}")
        elif self._fails < FAILS_TOLD:
            self._fails += 1
            self.line(ERROR, "FAIL", f"{COORDINATOR}: Disconnected (after 5012ms in state UP)")
        self.line(DEBUG, "COORD", "[thrd:main]: TxnCoordinator/1: Transaction coordinator is now down")
        self.line(DEBUG, "COORD", "[thrd:main]: TxnCoordinator/1: Transaction coordinator is now up")


class Sender:
    """The requests of one client. `owner`: its transactional id or its group."""

    def __init__(self, stage: Stage, owner: str, log: ClientLog) -> None:
        self._stage = stage
        self._owner = owner
        self._log = log
        self._lost_end = False  # an end has timed out, and nothing of it is in the log as yet
        self._silences = 0  # calls that go on waiting for it

    def send(self, request: Request, call: Callable[[], T], wait_s: float = 0.0) -> T:
        """What the broker answers. `wait_s`: before it is sent again. Raises KafkaException: what the broker refuses,
        or that it has not answered."""
        how = self._stage.sent(request, self._owner, call)
        if how == Hold.RESENT:
            self._log.lost(KafkaError._TRANSPORT, request)
            self._stage.idle(wait_s)
        elif how == Hold.TIMED_OUT:
            self._log.lost(KafkaError._TIMED_OUT, request)
            raise failures.timed_out(request)
        elif how == Hold.GIVEN_UP:
            self._log.lost(KafkaError._TIMED_OUT, request)
            raise failures.abortable(KafkaError._TIMED_OUT, f"{request} timed out")
        return call()

    def end(self, fate: Fate, call: Callable[[], None], silences: Callable[[], int]) -> None:
        """EndTxn, with a line in the log for each of its requests. One that is kept is waited for by several calls,
        `silences` of them more; then it is sent again."""
        if self._silences:
            self._silences -= 1
            raise failures.timed_out(Request.END)
        if self._lost_end:
            self._tell_lost(KafkaError._TIMED_OUT, fate)
            self._lost_end = False
        how = self._stage.sent(Request.END, self._owner, call)
        if how == Hold.TIMED_OUT:
            self._lost_end, self._silences = True, silences()
            raise failures.timed_out(Request.END)
        if how == Hold.RESENT:
            self._tell_lost(KafkaError._TRANSPORT, fate)
            self._stage.idle(0.0)
        try:
            call()
        except KafkaException as failure:
            self._log.ended(failure.args[0].code(), fate)
            raise
        self._log.ended(KafkaError.NO_ERROR, fate)

    def _tell_lost(self, error: int, fate: Fate) -> None:
        self._log.lost(error, Request.END)
        self._log.ended(error, fate)
