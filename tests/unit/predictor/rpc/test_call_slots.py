"""Call slots are few, and it is always the longest wait that is evicted."""

from services.predictor.rpc.call_slots import CallSlots, EndReason


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Trial:
    """Call slots, and what was heard of them."""

    def __init__(self, count: int, limit_s: float = 10.0) -> None:
        self.clock = Clock()
        self.ends: list[EndReason] = []
        self.cancelled: list[str] = []
        self.slots = CallSlots(count, limit_s, self.ends.append, self.clock)

    def acquire(self, name: str) -> int:
        """A second after the one before."""
        self.clock.now_s += 1
        return self.slots.acquire(lambda: self.cancelled.append(name))


def test_a_call_that_comes_when_all_are_taken_evicts_the_longest_wait() -> None:
    trial = Trial(2)
    for name in ("first", "second", "third", "fourth"):
        trial.acquire(name)
    assert trial.cancelled == ["first", "second"]
    assert trial.ends == [EndReason.EVICTED] * 2
    assert len(trial.slots) == 2


def test_a_burst_ends_nobody_who_has_only_just_come() -> None:
    trial = Trial(2)
    for name in ("first", "second", "third", "fourth"):
        trial.slots.acquire(lambda name=name: trial.cancelled.append(name))
    trial.slots.enforce_limits()
    assert trial.cancelled == []
    trial.clock.now_s += 1
    trial.slots.enforce_limits()
    assert trial.cancelled == ["first", "second"]
    assert len(trial.slots) == 2


def test_a_slot_that_was_released_is_free() -> None:
    trial = Trial(1)
    trial.slots.release(trial.acquire("first"))
    trial.acquire("second")
    assert trial.cancelled == []


def test_an_evicted_call_may_still_release_its_slot() -> None:
    trial = Trial(1)
    first = trial.acquire("first")
    trial.acquire("second")
    trial.slots.release(first)
    assert len(trial.slots) == 1


def test_a_wait_beyond_the_limit_is_ended_and_no_other() -> None:
    trial = Trial(5, limit_s=10.0)
    trial.acquire("old")
    trial.clock.now_s = 5.0
    trial.acquire("young")
    trial.clock.now_s = 11.0
    trial.slots.enforce_limits()
    assert trial.cancelled == []
    trial.clock.now_s = 11.1
    trial.slots.enforce_limits()
    assert trial.cancelled == ["old"]
    assert trial.ends == [EndReason.TIMED_OUT]
