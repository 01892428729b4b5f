"""The coordinator of a consumer group: members, static ones too, generations, `range` assignment, offsets."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from confluent_kafka import KafkaError

from tests.simulation import errors
from tests.simulation.records import PartitionKey


class MemberStatus(Enum):
    """What a heartbeat is answered."""

    MEMBER = "member"
    REBALANCING = "rebalancing"
    UNKNOWN = "unknown"
    FENCED = "fenced"


@dataclass
class Member:
    member_id: str
    name: str  # group.instance.id; empty for a dynamic member
    topics: tuple[str, ...]
    joined: bool = True
    assignment: tuple[PartitionKey, ...] = ()


@dataclass(frozen=True)
class GroupMetadata:
    """What `consumer_group_metadata` gives a producer."""

    group: str
    generation: int
    member_id: str
    name: str


class Group:
    """One group. A rebalance is over when every member has joined again, or is gone."""

    def __init__(self, name: str, partitions: Mapping[str, int]) -> None:
        self._name = name
        self._partitions = partitions
        self._number = 0
        self.generation = 0
        self.members: dict[str, Member] = {}
        self.static: dict[str, str] = {}
        self.offsets: dict[PartitionKey, tuple[int, str]] = {}

    @property
    def is_stable(self) -> bool:
        return all(member.joined for member in self.members.values())

    def join(self, member_id: str, name: str, topics: tuple[str, ...]) -> str:
        """Join, or join again; returns the member's id. A static name taken anew fences who had it before."""
        if name and (before := self.static.get(name)) and before != member_id:
            return self._replace(before, name)
        if member_id not in self.members:
            member_id = self._new_id(name)
            self.members[member_id] = Member(member_id, name, topics)
            if name:
                self.static[name] = member_id
            self._rebalance()
        self.members[member_id].joined = True
        self._complete()
        return member_id

    def _replace(self, before: str, name: str) -> str:
        """A static member's new process takes over its place without a rebalance."""
        member = self.members.pop(before)
        member.member_id = self.static[name] = self._new_id(name)
        self.members[member.member_id] = member
        if not member.joined:
            member.joined = True
            self._complete()
        return member.member_id

    def _new_id(self, name: str) -> str:
        self._number += 1
        return f"{name or 'member'}-{self._number}"

    def leave(self, member_id: str) -> None:
        """A member says goodbye, or its session is over."""
        member = self.members.pop(member_id, None)
        if member is None:
            return
        if member.name and self.static.get(member.name) == member_id:
            del self.static[member.name]
        self._rebalance()
        self._complete()

    def heartbeat(self, member_id: str, name: str) -> MemberStatus:
        if name and self.static.get(name, member_id) != member_id:
            return MemberStatus.FENCED
        member = self.members.get(member_id)
        if member is None:
            return MemberStatus.UNKNOWN
        return MemberStatus.MEMBER if member.joined else MemberStatus.REBALANCING

    def _rebalance(self) -> None:
        for member in self.members.values():
            member.joined = False

    def _complete(self) -> None:
        if not self.is_stable or not self.members:
            return
        self.generation += 1
        owned: dict[str, list[PartitionKey]] = {member_id: [] for member_id in self.members}
        for topic in sorted({topic for member in self.members.values() for topic in member.topics}):
            for partition_key, member_id in self._ranges(topic):
                owned[member_id].append(partition_key)
        for member_id, places in owned.items():
            self.members[member_id].assignment = tuple(places)

    def _ranges(self, topic: str) -> list[tuple[PartitionKey, str]]:
        """Contiguous ranges in the order of static names, or of ids."""
        members = [member for member in self.members.values() if topic in member.topics]
        members.sort(key=lambda member: (member.name, member.member_id))
        count, more = divmod(self._partitions[topic], len(members))
        sizes = [count + (at < more) for at in range(len(members))]
        ids = [member.member_id for member, size in zip(members, sizes, strict=True) for _ in range(size)]
        return [((topic, number), member_id) for number, member_id in enumerate(ids)]

    def check(self, who: GroupMetadata) -> None:
        """Raises KafkaException unless this is a member of the present generation; one that commits by `assign` alone
        has no member id, and is let through while the group is empty."""
        if not who.member_id:
            if self.members:
                raise errors.not_member(KafkaError.UNKNOWN_MEMBER_ID, "the group has members, and this is none")
            return
        status = self.heartbeat(who.member_id, who.name)
        if status is MemberStatus.FENCED:
            raise errors.not_member(KafkaError.FENCED_INSTANCE_ID, f"{who.name} is another process now")
        if status is MemberStatus.UNKNOWN:
            raise errors.not_member(KafkaError.UNKNOWN_MEMBER_ID, f"{who.member_id} is no member")
        if who.generation != self.generation:
            raise errors.not_member(KafkaError.ILLEGAL_GENERATION, f"{who.generation} is not {self.generation}")
