"""Requests that come late: a client's request stays on its way, the client sends another, and the first comes to the
broker when nobody thinks of it any more. A broker that stood still and a proxy in between do this to a connection."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from confluent_kafka import KafkaException


class Request(StrEnum):
    """What changes something at the broker; Kafka's own names."""

    INIT = "InitProducerId"
    ADD_PARTITIONS = "AddPartitionsToTxn"
    ADD_OFFSETS = "AddOffsetsToTxn"
    TXN_OFFSETS = "TxnOffsetCommit"
    END = "EndTxn"
    OFFSETS = "OffsetCommit"


class Hold(StrEnum):
    """What the network does with a request, and what its client makes of it."""

    RESENT = "resent"  # its connection is lost; the client sends it again by itself
    TIMED_OUT = "timed_out"  # the call fails so, one or more times, and may be made again
    GIVEN_UP = "given_up"  # the transaction can only be aborted
    DOUBLED = "doubled"  # it arrives, and once more right behind


@dataclass
class Kept:
    """A copy of a request under way. `behind`: the next request of this kind that its owner sends comes first; empty
    once that was sent, or where none is waited for. `steps`: from then on until it arrives. `due`: that step."""

    request: Request
    owner: str
    copy: Callable[[], object]
    behind: str = ""
    steps: int = 0
    due: int = 0


class Network:
    """`on_due` is told in how many steps a copy arrives, `on_arrival` of each that the broker has judged."""

    def __init__(self, on_due: Callable[[int], None], on_arrival: Callable[[Kept, str], None]) -> None:
        self._on_due = on_due
        self._on_arrival = on_arrival
        self._waiting: list[Kept] = []  # for a request of their owner
        self._under_way: list[Kept] = []
        self.next_due = 0  # 0: nothing is under way

    def keep(self, kept: Kept, now: int) -> None:
        """Hand a copy over later."""
        if kept.behind:
            self._waiting.append(kept)
        else:
            self._set_out(kept, now)

    def passes(self, request: Request, owner: str, now: int) -> None:
        """An owner sends a request: what waited for it comes behind it."""
        for kept in [kept for kept in self._waiting if (kept.owner, kept.behind) == (owner, request)]:
            self._waiting.remove(kept)
            self._set_out(kept, now)

    def _set_out(self, kept: Kept, now: int) -> None:
        kept.due = now + max(1, kept.steps)
        self._under_way.append(kept)
        self.next_due = min(one.due for one in self._under_way)
        self._on_due(kept.due - now)

    def deliver(self, now: int) -> None:
        """The broker gets what is due; what it refuses, nobody hears."""
        due = [kept for kept in self._under_way if kept.due <= now]
        self._under_way = [kept for kept in self._under_way if kept.due > now]
        self.next_due = min((kept.due for kept in self._under_way), default=0)
        for kept in due:
            answer = "accepted"
            try:
                kept.copy()
            except KafkaException as refusal:
                answer = f"refused: {refusal.args[0].str()}"
            self._on_arrival(kept, answer)
