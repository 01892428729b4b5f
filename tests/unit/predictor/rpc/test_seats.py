"""Seats are few, and it is always the longest wait that ends."""

from services.predictor.rpc.seats import Ended, Seats


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Hall:
    """Seats, and what was heard of them."""

    def __init__(self, count: int, limit_s: float = 10.0) -> None:
        self.clock = Clock()
        self.ends: list[Ended] = []
        self.cancelled: list[str] = []
        self.seats = Seats(count, limit_s, self.ends.append, self.clock)

    def take(self, name: str) -> int:
        """A second after the one before."""
        self.clock.now_s += 1
        return self.seats.take(lambda: self.cancelled.append(name))


def test_who_comes_when_all_are_taken_ends_the_longest_wait() -> None:
    hall = Hall(2)
    for name in ("first", "second", "third", "fourth"):
        hall.take(name)
    assert hall.cancelled == ["first", "second"]
    assert hall.ends == [Ended.CROWDED] * 2
    assert len(hall.seats) == 2


def test_a_burst_ends_nobody_who_has_only_just_come() -> None:
    hall = Hall(2)
    for name in ("first", "second", "third", "fourth"):
        hall.seats.take(lambda name=name: hall.cancelled.append(name))
    hall.seats.end_overdue()
    assert hall.cancelled == []
    hall.clock.now_s += 1
    hall.seats.end_overdue()
    assert hall.cancelled == ["first", "second"]
    assert len(hall.seats) == 2


def test_a_seat_that_was_left_is_free() -> None:
    hall = Hall(1)
    hall.seats.leave(hall.take("first"))
    hall.take("second")
    assert hall.cancelled == []


def test_who_was_ended_may_still_leave() -> None:
    hall = Hall(1)
    first = hall.take("first")
    hall.take("second")
    hall.seats.leave(first)
    assert len(hall.seats) == 1


def test_a_wait_beyond_the_limit_is_ended_and_no_other() -> None:
    hall = Hall(5, limit_s=10.0)
    hall.take("old")
    hall.clock.now_s = 5.0
    hall.take("young")
    hall.clock.now_s = 11.0
    hall.seats.end_overdue()
    assert hall.cancelled == []
    hall.clock.now_s = 11.1
    hall.seats.end_overdue()
    assert hall.cancelled == ["old"]
    assert hall.ends == [Ended.OVERDUE]
