"""What is made of the alerts that were seen: computed by hand."""

import dataclasses

from tidewheel.local.scenarios.declared import SCENARIOS
from tidewheel.local.scenarios.verdict import Sample, Times, judge

SCENARIO = dataclasses.replace(SCENARIOS["redis-away"], tolerated={"LabelsBehind": "labels wait"})
TIMES = Times(fault_s=10.0, undone_s=90.0)


def samples(*seen: tuple[float, str]) -> list[Sample]:
    return [Sample(at_s, frozenset(firing.split())) for at_s, firing in seen]


RIGHT = samples((0, ""), (12, ""), (85, "RedisAway"), (95, "RedisAway"), (100, ""))


def test_the_right_alert_and_none_other() -> None:
    verdict = judge(SCENARIO, RIGHT, TIMES)
    assert verdict.holds
    assert (verdict.fired_s, verdict.over_s) == (75.0, 10.0)
    assert verdict.text == "redis-away: as it should be: RedisAway fired after 75 s, over 10 s after the fault"


def test_it_did_not_fire() -> None:
    verdict = judge(SCENARIO, samples((0, ""), (190, "")), TIMES)
    assert not verdict.holds
    assert verdict.text == "redis-away: WRONG: RedisAway did not fire"


def test_another_fired_too() -> None:
    verdict = judge(SCENARIO, [*RIGHT, *samples((101, "KafkaAway"), (102, ""))], TIMES)
    assert not verdict.holds
    assert verdict.wrong == {"KafkaAway": 91.0}
    assert "KafkaAway fired too, after 91 s" in verdict.text


def test_one_that_may_fire_too_is_told_and_no_fault() -> None:
    verdict = judge(SCENARIO, [*RIGHT, *samples((101, "LabelsBehind"), (102, ""))], TIMES)
    assert verdict.holds
    assert verdict.tolerated == {"LabelsBehind": 91.0}
    assert verdict.over_s == 10.0
    assert "LabelsBehind fired after 91 s, as it may" in verdict.text


def test_it_is_not_over() -> None:
    still = samples((85, "RedisAway"), (300, "RedisAway"))
    verdict = judge(SCENARIO, still, TIMES)
    assert not verdict.holds
    assert verdict.over_s is None
    assert judge(SCENARIO, still, TIMES, asked_over=False).holds


def test_one_that_fires_before_the_fault_is_another_fault() -> None:
    verdict = judge(SCENARIO, samples((5, "RedisAway"), (12, "RedisAway"), (95, "")), TIMES)
    assert not verdict.holds
    assert verdict.wrong == {"RedisAway": -5.0}


def test_a_fault_that_never_came_about_has_no_alert() -> None:
    verdict = judge(SCENARIO, samples((5, "RedisAway"), (12, "")), Times(undone_s=20.0))
    assert not verdict.holds


def test_nothing_was_seen_at_all() -> None:
    assert not judge(SCENARIO, [], Times()).holds
