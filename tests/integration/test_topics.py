"""The declared topics on a real broker."""

import pytest

from tidewheel.contracts.topics import TOPICS
from tidewheel.runtime import topic_admin

pytestmark = pytest.mark.broker


def test_creating_twice_changes_nothing(broker: str) -> None:
    assert topic_admin.create(broker, 2) == []
    assert topic_admin.faults(broker) == []


def test_a_changed_retention_is_a_fault(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = TOPICS["ticks"]
    changed = {
        **TOPICS,
        "ticks": type(declared)(
            **{**{name: getattr(declared, name) for name in declared.__slots__}, "retention_ms": 1}
        ),
    }
    monkeypatch.setattr(topic_admin, "TOPICS", changed)
    assert [fault for fault in topic_admin.faults(broker) if "retention.ms" in fault]
