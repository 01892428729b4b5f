"""Access-control entries on the broker, made and compared with their declarations."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tidewheel.contracts.access import Grant, Resource
from tidewheel.runtime.kafka import KAFKA, client
from tidewheel.runtime.kafka_access import Broker

LIMIT_S = 30.0
ANY_HOST = "*"
# The cluster is called a broker by the client.
TYPES = {
    Resource.TOPIC: ResourceType.TOPIC,
    Resource.GROUP: ResourceType.GROUP,
    Resource.TRANSACTIONAL_ID: ResourceType.TRANSACTIONAL_ID,
    Resource.CLUSTER: ResourceType.BROKER,
}
Named = Callable[[str], str]


def binding(grant: Grant, principal_of: Named) -> AclBinding:
    """A grant as the broker keeps it. `principal_of`: service -> `User:name`."""
    return AclBinding(
        TYPES[grant.resource],
        grant.name,
        ResourcePatternType.PREFIXED if grant.prefixed else ResourcePatternType.LITERAL,
        principal_of(grant.principal),
        ANY_HOST,
        AclOperation[grant.operation.name],
        AclPermissionType.ALLOW,
    )


def apply(broker: Broker, grants: Iterable[Grant], principal_of: Named) -> int:
    """Make every entry; one that is there stays. Returns how many there are now of ours. Raises KafkaException."""
    wanted = [binding(grant, principal_of) for grant in grants]
    admin = _admin(broker)  # what it was asked for is given up with it
    for future in admin.create_acls(wanted, request_timeout=LIMIT_S).values():
        future.result()
    return len(wanted)


def differences(broker: Broker, grants: Iterable[Grant], principal_of: Named) -> list[str]:
    """What the broker allows our principals beside the grants, and what it lacks, a sentence each. Raises
    KafkaException."""
    wanted = {binding(grant, principal_of): grant for grant in grants}
    principals = {principal_of(grant.principal) for grant in wanted.values()}
    ask = partial(_admin(broker).describe_acls, request_timeout=LIMIT_S)
    found = {one for principal in sorted(principals) for one in ask(_all_of(principal)).result()}
    return sorted(
        [f"missing: {_words(one)}" for one in wanted if one not in found]
        + [f"not declared: {_words(one)}" for one in found if one not in wanted]
    )


def _admin(broker: Broker) -> AdminClient:
    return KAFKA.admin({**client(broker, "acls"), "log_level": 0})


def _all_of(principal: str) -> AclBindingFilter:
    anything = cast(str, None)
    who = (principal, anything, AclOperation.ANY, AclPermissionType.ANY)
    return AclBindingFilter(ResourceType.ANY, anything, ResourcePatternType.ANY, *who)


def _words(one: Any) -> str:
    verb = one.permission_type.name.lower()
    what = f"{one.restype.name.lower()} {one.name} ({one.resource_pattern_type.name.lower()})"
    return f"{one.principal} {verb} {one.operation.name.lower()} on {what} from {one.host}"
