"""The question which member has a name, asked of a coordinator that answers too late, on a real broker."""

import subprocess
import sys

import pytest

from tests.proxy.actions import Hold, Manual
from tests.proxy.broker import ProxiedKafka
from tests.proxy.events import Outcome
from tests.proxy.frames import ApiKey
from tests.proxy.schedule import Rule, Schedule
from tests.waiting import LIMIT_S

pytestmark = [pytest.mark.broker, pytest.mark.usefixtures("topics_of_one_partition")]

# In a process of its own, since what is feared ends one. The failure is kept, as a retry keeps it while it waits.
ASKING = """
import sys
from confluent_kafka import KafkaException
from tests.waiting import eventually
from tidewheel.runtime.static_member import StaticMember

bootstrap, group = sys.argv[1:]

def answered():
    try:
        return StaticMember(bootstrap, "again", group, "one").foreign_member(30.0) is None
    except KafkaException:  # a coordinator that is new loads its groups first
        return False

try:
    StaticMember(bootstrap, "asking", group, "one").foreign_member(1.0)
except KafkaException as failure:
    print(failure.args[0].name(), flush=True)
    sys.stdin.readline()
    for _ in range(3):
        eventually(answered, "the group is known")
"""


def test_a_coordinator_that_is_found_too_late_ends_nobody(kafka: ProxiedKafka, request: pytest.FixtureRequest) -> None:
    """librdkafka 2.16 sends an answer to a question whose time limit is over to where that was freed, and aborts."""
    kafka.proxy.use(Schedule([Rule.of(Hold(Manual(), 0.0), ApiKey.FIND_COORDINATOR, client="tidewheel-asking")]))
    command = [sys.executable, "-c", ASKING, kafka.bootstrap, request.node.name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "_TIMED_OUT\n"
        kafka.proxy.use(Schedule())
        kafka.proxy.release()
        kafka.proxy.events.wait_for(lambda events: any(one.outcome is Outcome.ANSWERED for one in events), LIMIT_S)
        asking.communicate("\n")
    assert asking.returncode == 0
