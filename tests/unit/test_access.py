"""What the declarations let each principal do on Kafka, by hand."""

import dataclasses
import json

import pytest

from tests.conformance import wiring
from tidewheel.contracts import access
from tidewheel.contracts.access import Grant, Operation, Resource, allows, grants
from tidewheel.contracts.topics import EXAMPLES, GROUP_TOPICS, TOPICS

READ, WRITE = Operation.READ, Operation.WRITE
# Service -> topics that it reads, and that it writes.
TOUCHED = {
    "ingest": ({"ticks", "dead-letters"}, {"ticks", "feed-status", "dead-letters"}),
    "orderbot": ({"ticks"}, {"orders", "dead-letters"}),
    "labeler": ({"ticks", "orders", "labeler-state"}, {"transactions", "examples", "labeler-state", "dead-letters"}),
    "trainer": ({"examples"}, {"training-runs", "dead-letters"}),
    "predictor": ({"ticks", "examples"}, {"predictions"}),
    "people": (set(TOPICS), set()),
    "admin": (set(), set()),
}


@pytest.mark.parametrize("principal", access.PRINCIPALS)
def test_each_touches_its_topics_and_no_other(principal: str) -> None:
    found = tuple(
        {topic for topic in TOPICS if allows(grants(), principal, Resource.TOPIC, topic, operation)}
        for operation in (READ, WRITE)
    )
    assert found == TOUCHED[principal]


def test_nobody_gets_what_makes_it_another() -> None:
    assert {one.principal for one in grants() if one.operation in (Operation.ALTER, Operation.CREATE)} == {"admin"}
    assert [one for one in grants() if one.resource is Resource.TRANSACTIONAL_ID] == [
        Grant("labeler", Resource.TRANSACTIONAL_ID, "tidewheel-labeler-", WRITE, prefixed=True)
    ]
    assert {
        (one.principal, one.name) for one in grants() if (one.resource, one.operation) == (Resource.GROUP, READ)
    } == {
        ("orderbot", "orderbot"),
        ("labeler", "labeler"),
        ("trainer", "trainer"),
    }
    assert all(one.name for one in grants())


def test_members_of_a_group_may_read_what_it_reads() -> None:
    assert set(access.MEMBERS) == set(GROUP_TOPICS)
    for group, members in access.MEMBERS.items():
        for topic in GROUP_TOPICS[group]:
            assert all(allows(grants(), member, Resource.TOPIC, topic, READ) for member in members)


def test_services_are_those_of_the_other_declarations() -> None:
    assert access.SERVICES == wiring.SERVICES


def test_a_declaration_more_is_a_grant_more() -> None:
    planted = dataclasses.replace(EXAMPLES, producers=(*EXAMPLES.producers, "predictor"))
    topics = [planted if topic is EXAMPLES else topic for topic in TOPICS.values()]
    assert set(grants(topics)) - set(grants()) == {Grant("predictor", Resource.TOPIC, "examples", WRITE)}


@pytest.mark.parametrize(("name", "allowed"), [("tidewheel-labeler-7", True), ("labeler-7", False)])
def test_a_prefix_stands_for_all_that_begin_so(name: str, *, allowed: bool) -> None:
    assert allows(grants(), "labeler", Resource.TRANSACTIONAL_ID, name, WRITE) == allowed


def test_the_table_for_programs() -> None:
    table = json.loads(json.dumps(access.access_table(grants(), lambda service: f"User:CN={service}")))
    assert list(table) == list(access.PRINCIPALS)
    assert table["orderbot"] == {
        "principal": "User:CN=orderbot",
        "servers": ["kafka"],
        "topics": {"dead-letters": ["write"], "orders": ["write"], "ticks": ["read"]},
        "groups": {"orderbot": ["read"]},
        "transactional_ids": {},
        "clusters": {},
    }
    assert table["labeler"]["transactional_ids"] == {"tidewheel-labeler-*": ["write"]}
