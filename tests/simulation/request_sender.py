"""How a client sends the requests that change something, and what it writes in its log of them, as librdkafka does."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException

from tests.simulation import errors
from tests.simulation.injector import FaultInjector
from tests.simulation.network import ApiKey, NetworkFault
from tests.simulation.records import TransactionState

T = TypeVar("T")
# How long librdkafka waits before it sends offsets again; an end it sends at once.
RESEND_WAIT_S = 0.5
STATES = {TransactionState.COMMITTED: "CommittingTransaction", TransactionState.ABORTED: "AbortingTransaction"}
DEBUG, NOTICE, WARNING, ERROR = 10, 20, 30, 40  # as confluent-kafka maps librdkafka's levels
COORDINATOR = "[thrd:TxnCoordinator]: TxnCoordinator/1"
# The same failure of a connection is told twice in 30 s; of a request that timed out each time is.
DISCONNECTS_LOGGED_MAX = 2


class Logger(Protocol):
    """What a client is given as its `logger`."""

    def log(self, level: int, message: str, *args: object) -> None:
        """`args`: facility, name of the client, text."""


class ClientLog:
    """Lines wait until the client is polled or flushed. There are none without a `logger` and `debug` of `eos`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        on = "eos" in str(config.get("debug", "")).split(",")
        self._logger: Logger | None = config.get("logger") if on else None
        self._name = f"{config.get('client.id', 'rdkafka')}#producer-1"
        self._lines: list[tuple[int, str, str]] = []
        self._disconnects = 0

    def write_line(self, level: int, facility: str, text: str) -> None:
        if self._logger is not None:
            self._lines.append((level, facility, text))

    def write_out(self) -> None:
        """Hand over what was written."""
        lines, self._lines = self._lines, []
        for level, facility, text in lines:
            assert self._logger is not None
            self._logger.log(level, "%s [%s] %s", facility, self._name, text)

    def ended(self, error: int, state: TransactionState) -> None:
        """One answer, or the loss, of one EndTxn."""
        name = KafkaError(KafkaError.INVALID_PRODUCER_EPOCH if error == KafkaError._FENCED else error).name()
        text = f"[thrd:main]: EndTxn returned {name} in state {STATES[state]} (may_retry=true)"
        self.write_line(DEBUG, "ENDTXN", text)

    def nothing_to_end(self, state: TransactionState) -> None:
        facility = "TXNCOMMIT" if state is TransactionState.COMMITTED else "TXNABORT"
        self.write_line(DEBUG, facility, "[thrd:main]: No partitions registered: not sending EndTxn")

    def lost(self, error: int, request: ApiKey) -> None:
        """A connection that took a request with it."""
        if error == KafkaError._TIMED_OUT:
            text = f"Timed out {request}Request in flight (after 6006ms, timeout #0)"
            self.write_line(NOTICE, "REQTMOUT", f"{COORDINATOR}: {text}")
        elif self._disconnects < DISCONNECTS_LOGGED_MAX:
            self._disconnects += 1
            self.write_line(ERROR, "FAIL", f"{COORDINATOR}: Disconnected (after 5012ms in state UP)")
        self.write_line(DEBUG, "COORD", "[thrd:main]: TxnCoordinator/1: Transaction coordinator is now down")
        self.write_line(DEBUG, "COORD", "[thrd:main]: TxnCoordinator/1: Transaction coordinator is now up")


class Sender:
    """The requests of one client. `owner`: its transactional id or its group."""

    def __init__(self, injector: FaultInjector, owner: str, log: ClientLog) -> None:
        self._injector = injector
        self._owner = owner
        self._log = log
        self._lost_end = False  # an end has timed out, and nothing of it is in the log as yet
        self._timeouts_left = 0  # calls that go on waiting for it

    def send(self, request: ApiKey, call: Callable[[], T], wait_s: float = 0.0) -> T:
        """What the broker answers. `wait_s`: before it is sent again. Raises KafkaException: what the broker refuses,
        or that it has not answered."""
        how = self._injector.sent(request, self._owner, call)
        if how == NetworkFault.RESENT:
            self._log.lost(KafkaError._TRANSPORT, request)
            self._injector.idle(wait_s)
        elif how == NetworkFault.TIMED_OUT:
            self._log.lost(KafkaError._TIMED_OUT, request)
            raise errors.timed_out(request)
        elif how == NetworkFault.GIVEN_UP:
            self._log.lost(KafkaError._TIMED_OUT, request)
            raise errors.abortable(KafkaError._TIMED_OUT, f"{request} timed out")
        return call()

    def end(self, state: TransactionState, call: Callable[[], None], timeouts_before_resend: Callable[[], int]) -> None:
        """EndTxn, with a line in the log for each of its requests. One that is delayed is waited for by several calls,
        `timeouts_before_resend` of them more; then it is sent again."""
        if self._timeouts_left:
            self._timeouts_left -= 1
            raise errors.timed_out(ApiKey.END)
        if self._lost_end:
            self._log_lost(KafkaError._TIMED_OUT, state)
            self._lost_end = False
        how = self._injector.sent(ApiKey.END, self._owner, call)
        if how == NetworkFault.TIMED_OUT:
            self._lost_end, self._timeouts_left = True, timeouts_before_resend()
            raise errors.timed_out(ApiKey.END)
        if how == NetworkFault.RESENT:
            self._log_lost(KafkaError._TRANSPORT, state)
            self._injector.idle(0.0)
        try:
            call()
        except KafkaException as failure:
            self._log.ended(failure.args[0].code(), state)
            raise
        self._log.ended(KafkaError.NO_ERROR, state)

    def _log_lost(self, error: int, state: TransactionState) -> None:
        self._log.lost(error, ApiKey.END)
        self._log.ended(error, state)
