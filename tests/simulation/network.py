"""Requests that come late: a client's request stays on its way, the client sends another, and the first comes to the
broker when nobody thinks of it any more. A broker that stood still and a proxy in between do this to a connection."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from confluent_kafka import KafkaException


class ApiKey(StrEnum):
    """What changes something at the broker; Kafka's own names."""

    INIT = "InitProducerId"
    ADD_PARTITIONS = "AddPartitionsToTxn"
    ADD_OFFSETS = "AddOffsetsToTxn"
    TXN_OFFSETS = "TxnOffsetCommit"
    END = "EndTxn"
    OFFSETS = "OffsetCommit"


class NetworkFault(StrEnum):
    """What the network does with a request, and what its client makes of it."""

    RESENT = "resent"  # its connection is lost; the client sends it again by itself
    TIMED_OUT = "timed_out"  # the call fails so, one or more times, and may be made again
    GIVEN_UP = "given_up"  # the transaction can only be aborted
    DOUBLED = "doubled"  # it arrives, and once more right behind


@dataclass
class DelayedRequest:
    """A copy of a request under way. `behind`: the next request of this kind that its owner sends comes first; empty
    once that was sent, or where none is waited for. `steps`: from then on until it arrives. `due`: that step."""

    request: ApiKey
    owner: str
    copy: Callable[[], object]
    behind: str = ""
    steps: int = 0
    due: int = 0


class Network:
    """`on_due` is told in how many steps a copy arrives, `on_arrival` of each that the broker has judged."""

    def __init__(self, on_due: Callable[[int], None], on_arrival: Callable[[DelayedRequest, str], None]) -> None:
        self._on_due = on_due
        self._on_arrival = on_arrival
        self._waiting: list[DelayedRequest] = []  # for a request of their owner
        self._under_way: list[DelayedRequest] = []
        self.next_due = 0  # 0: nothing is under way

    def delay(self, delayed_request: DelayedRequest, now: int) -> None:
        """Hand a copy over later."""
        if delayed_request.behind:
            self._waiting.append(delayed_request)
        else:
            self._send_later(delayed_request, now)

    def on_request(self, request: ApiKey, owner: str, now: int) -> None:
        """An owner sends a request: what waited for it comes behind it."""
        for delayed_request in [
            delayed_request
            for delayed_request in self._waiting
            if (delayed_request.owner, delayed_request.behind) == (owner, request)
        ]:
            self._waiting.remove(delayed_request)
            self._send_later(delayed_request, now)

    def _send_later(self, delayed_request: DelayedRequest, now: int) -> None:
        delayed_request.due = now + max(1, delayed_request.steps)
        self._under_way.append(delayed_request)
        self.next_due = min(one.due for one in self._under_way)
        self._on_due(delayed_request.due - now)

    def deliver(self, now: int) -> None:
        """The broker gets what is due; what it refuses, nobody hears."""
        due = [delayed_request for delayed_request in self._under_way if delayed_request.due <= now]
        self._under_way = [delayed_request for delayed_request in self._under_way if delayed_request.due > now]
        self.next_due = min((delayed_request.due for delayed_request in self._under_way), default=0)
        for delayed_request in due:
            answer = "accepted"
            try:
                delayed_request.copy()
            except KafkaException as refusal:
                answer = f"refused: {refusal.args[0].str()}"
            self._on_arrival(delayed_request, answer)
