"""Who may do what on Kafka, as access-control entries made from the declarations of the topics. Pure.

One principal a service, and two more: `people`, who read by the command line and the live view, and `admin`, who makes
topics and these entries. Whatever is not granted here is refused by a broker that has an authorizer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from tidewheel.contracts import topics as declared
from tidewheel.contracts.topics import (
    LABELER_GROUP,
    LABELER_NAMES,
    ORDERBOT_GROUP,
    TOPICS,
    TRAINER_GROUP,
    Topic,
)

SERVICES = ("ingest", "orderbot", "labeler", "trainer", "predictor")
PEOPLE, ADMIN = "people", "admin"
PRINCIPALS = (*SERVICES, PEOPLE, ADMIN)
CLUSTER_NAME = "kafka-cluster"  # the one name that Kafka has for it


class Resource(StrEnum):
    """What an entry is about."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional_id"
    CLUSTER = "cluster"


class Operation(StrEnum):
    """What is allowed. READ and WRITE imply DESCRIBE."""

    READ = "read"
    WRITE = "write"
    CREATE = "create"
    ALTER = "alter"
    DESCRIBE = "describe"
    DESCRIBE_CONFIGS = "describe_configs"


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One principal may do one thing with one resource, or with all whose names begin so (`prefixed`)."""

    principal: str
    resource: Resource
    name: str
    operation: Operation
    prefixed: bool = False


# Who speaks to whom, beside probes and whoever reads metrics.
SERVERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("ingest", "orderbot", "labeler"), ("kafka",)),
        **dict.fromkeys(("trainer", "predictor"), ("kafka", "redis")),
        PEOPLE: ("kafka", "redis", "predictor"),
        ADMIN: ("kafka", "redis"),
    }
)
# Group -> the services that are its members and commit, and those that only ask what it has committed.
MEMBERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {ORDERBOT_GROUP: ("orderbot",), LABELER_GROUP: ("labeler",), TRAINER_GROUP: ("trainer",)}
)
ASKERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # Ingest at full speed does not run away from the labeler; people see how far each group is behind.
        LABELER_GROUP: ("ingest", PEOPLE),
        ORDERBOT_GROUP: (PEOPLE,),
        # Where its rows begin that it goes back to: part of `tidewheel topics check`.
        TRAINER_GROUP: (PEOPLE, ADMIN),
        # A client that joins nothing still asks for the coordinator of the group it is named after.
        declared.READER_GROUP: ("ingest", "labeler", PEOPLE),
        declared.PREDICTOR_READER: ("predictor",),
        declared.PARITY_READER: ("predictor",),
        declared.COLLECTOR_READER: (PEOPLE,),
        declared.TAIL_READER: (PEOPLE,),
    }
)
# What the names of a service's transactions begin with.
TRANSACTIONAL_PREFIXES: Mapping[str, str] = MappingProxyType({"labeler": LABELER_NAMES})


def readers(topic: Topic) -> tuple[str, ...]:
    """Principals that read a topic."""
    return (*topic.consumers, *topic.read_back_by)


def grants(topics: Iterable[Topic] = tuple(TOPICS.values())) -> list[Grant]:
    """Every entry that all principals need, sorted, once each."""
    return sorted({*_of_topics(topics), *_of_groups(), *_of_transactions(), *_of_admin()})


def _of_topics(topics: Iterable[Topic]) -> Iterator[Grant]:
    for topic in topics:
        for principal in readers(topic):
            yield Grant(principal, Resource.TOPIC, topic.name, Operation.READ)
        for principal in topic.producers:
            yield Grant(principal, Resource.TOPIC, topic.name, Operation.WRITE)
        yield Grant(PEOPLE, Resource.TOPIC, topic.name, Operation.DESCRIBE_CONFIGS)
        for operation in (Operation.CREATE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS):
            yield Grant(ADMIN, Resource.TOPIC, topic.name, operation)


def _of_groups() -> Iterator[Grant]:
    for group, members in MEMBERS.items():
        for principal in members:
            yield Grant(principal, Resource.GROUP, group, Operation.READ)
    for group, askers in ASKERS.items():
        for principal in askers:
            yield Grant(principal, Resource.GROUP, group, Operation.DESCRIBE)


def _of_transactions() -> Iterator[Grant]:
    for principal, prefix in TRANSACTIONAL_PREFIXES.items():
        yield Grant(principal, Resource.TRANSACTIONAL_ID, prefix, Operation.WRITE, prefixed=True)


def _of_admin() -> Iterator[Grant]:
    for operation in (Operation.ALTER, Operation.DESCRIBE):
        yield Grant(ADMIN, Resource.CLUSTER, CLUSTER_NAME, operation)


def allows(granted: Iterable[Grant], principal: str, resource: Resource, name: str, operation: Operation) -> bool:
    """Whether these entries let a principal do something."""
    return any(
        one.principal == principal
        and one.resource is resource
        and one.operation is operation
        and (name.startswith(one.name) if one.prefixed else name == one.name)
        for one in granted
    )


def access_table(granted: Iterable[Grant], principal_of: Callable[[str], str]) -> dict[str, Any]:
    """The grants by principal, for programs: the servers that it speaks to, and resource -> name -> operations. A name
    that ends in `*` stands for all that begin so."""
    table: dict[str, Any] = {
        one: {"principal": principal_of(one), "servers": list(SERVERS[one]), **{f"{kind}s": {} for kind in Resource}}
        for one in PRINCIPALS
    }
    for grant in granted:
        name = grant.name + "*" * grant.prefixed
        table[grant.principal][f"{grant.resource}s"].setdefault(name, []).append(str(grant.operation))
    return table
