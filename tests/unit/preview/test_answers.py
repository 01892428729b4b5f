from typing import Any

from preview.answers import marks, series
from preview.bundles import Asked, grid


def test_a_step_without_a_number_is_a_gap() -> None:
    answer = {"metric": {"i": "x"}, "values": [[0, "1"], [10, "NaN"], [15, "+Inf"], [20, "2"]]}
    assert series("A", "{{i}}", [answer], [0.0, 5.0, 10.0, 15.0, 20.0]) == [
        {"refId": "A", "name": "x", "times": [0, 5000, 10000, 15000, 20000], "values": [1.0, None, None, None, 2.0]}
    ]


def test_an_instant_answer_is_one_value() -> None:
    answer = {"metric": {}, "value": [7, "3"]}
    (one,) = series("B", "it", [answer], [7.0])
    assert (one["times"], one["values"]) == ([7000], [3.0])


def test_the_grid_is_of_whole_steps_within_what_is_shown() -> None:
    assert grid(Asked(12.0, 31.0, 1600), 5) == [15.0, 20.0, 25.0, 30.0]


def spans(values: list[list[Any]]) -> list[tuple[int, int]]:
    made = marks("Swaps", "blue", "{{i}}", [{"metric": {"i": "x"}, "values": values}], 5)
    return [(mark["from_ms"], mark["to_ms"]) for mark in made]


def test_neighbouring_marks_are_one() -> None:
    assert spans([[0, "1"], [5, "1"], [15, "2"]]) == [(0, 5000), (15000, 15000)]


def test_zero_marks_nothing() -> None:
    assert spans([[0, "0"], [5, "1"], [10, "0"], [15, "1"]]) == [(5000, 5000), (15000, 15000)]


def test_marks_of_several_series_are_in_order() -> None:
    answers = [{"metric": {"i": name}, "values": [[at, "1"]]} for name, at in (("a", 20), ("b", 10))]
    made = marks("Drifts", "red", "{{i}} drifts", answers, 5)
    assert [mark["text"] for mark in made] == ["b drifts", "a drifts"]
