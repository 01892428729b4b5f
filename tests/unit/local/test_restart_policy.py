"""When a crashed child starts again, and when it is given up."""

from tidewheel.local.processes.restart_policy import RestartLimits, RestartPolicy

LIMITS = RestartLimits(pause_min_s=0.5, pause_max_s=10.0, healthy_s=30.0, unready_max=5, crashes_max=20)


def test_the_pause_doubles_up_to_its_longest() -> None:
    backoff, pauses = RestartPolicy(LIMITS), []
    for second in range(0, 140, 20):
        backoff.ready(float(second))
        pauses.append(backoff.crashed(second + 1.0))
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_health_makes_the_pause_short_again() -> None:
    backoff = RestartPolicy(LIMITS)
    for _ in range(3):
        backoff.ready(0.0)
        backoff.crashed(1.0)
    backoff.ready(2.0)
    assert backoff.crashed(31.9) == 4.0
    backoff.ready(40.0)
    assert backoff.crashed(70.0) == 0.5


def test_a_child_that_never_gets_ready_is_given_up_at_the_fifth_try() -> None:
    backoff = RestartPolicy(LIMITS)
    assert [backoff.crashed(0.0) for _ in range(5)] == [0.5, 1.0, 2.0, 4.0, None]


def test_a_child_that_lives_without_getting_ready_is_in_order() -> None:
    """A predictor is ready once it has a model. Killed five times before there was one, it was given up."""
    for reason in ("", "the same"):
        backoff = RestartPolicy(LIMITS)
        for start_s in range(0, 60 * 30, 60):
            backoff.started(float(start_s))
            assert backoff.crashed(start_s + 31.0, reason) == 0.5
    backoff = RestartPolicy(LIMITS)
    for start_s in range(0, 240, 60):
        backoff.started(float(start_s))
        assert backoff.crashed(start_s + 31.0, stalled=True) is not None
    backoff.started(240.0)
    assert backoff.crashed(271.0, stalled=True) is None
    backoff = RestartPolicy(LIMITS)
    found = []
    for start_s in range(0, 300, 60):
        backoff.started(float(start_s))
        found.append(backoff.crashed(start_s + 29.0) is None)
    assert found == [False] * 4 + [True]


def test_getting_ready_once_starts_that_count_anew() -> None:
    backoff = RestartPolicy(LIMITS)
    for _ in range(4):
        backoff.crashed(0.0)
    backoff.ready(0.0)
    assert backoff.crashed(1.0) is not None
    assert [backoff.crashed(1.0) is None for _ in range(5)] == [False] * 4 + [True]


def test_a_child_that_always_crashes_soon_after_it_got_ready_is_given_up_too() -> None:
    backoff, answers = RestartPolicy(LIMITS), []
    for second in range(20):
        backoff.ready(float(second))
        answers.append(backoff.crashed(second + 0.5))
    assert answers.index(None) == 19


def test_the_same_reason_three_times_in_a_row_is_enough() -> None:
    backoff = RestartPolicy(LIMITS)
    reasons = ("no such file", "no such file", "", "no such file", "another", "another", "another")
    answers = []
    for reason in reasons:
        backoff.ready(0.0)
        answers.append(backoff.crashed(1.0, reason) is None)
    assert answers == [False] * 6 + [True]


def test_health_between_forgives_the_same_reason() -> None:
    backoff = RestartPolicy(LIMITS)
    for _ in range(9):
        backoff.ready(0.0)
        assert backoff.crashed(30.0, "the same") == 0.5


def test_one_start_does_not_count_as_ready_for_the_next() -> None:
    """A child that ended since what it needs was away is started anew without a crash between."""
    policy = RestartPolicy(LIMITS)
    policy.started(0.0)
    policy.ready(1.0)
    assert policy.stalled_limit_s == LIMITS.stalled_ready_s
    policy.started(100.0)
    assert policy.stalled_limit_s == LIMITS.stalled_starting_s
    for start_s in range(101, 105):
        assert policy.crashed(float(start_s)) is not None
        policy.started(float(start_s))
    assert policy.crashed(105.0) is None  # the fifth start in a row that did not get ready
