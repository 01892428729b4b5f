from typing import Any

from preview.verdict import faults

DASHBOARD = {
    "title": "Overview",
    "panels": [
        {"id": 1, "type": "row", "title": "Fresh"},
        {"id": 2, "type": "stat", "title": "How old?"},
        {"id": 3, "type": "timeseries", "title": "How fast?"},
    ],
}


def found(*panels: tuple[int, int], cut: tuple[int, ...] = (), errors: tuple[str, ...] = ()) -> list[str]:
    shown: list[dict[str, Any]] = [{"id": number, "drawn": drawn, "cut": number in cut} for number, drawn in panels]
    return list(faults(DASHBOARD, {"panels": shown, "errors": list(errors)}))


def test_what_is_drawn_is_no_fault() -> None:
    assert found((2, 1), (3, 4)) == []


def test_an_empty_panel_is_named() -> None:
    assert found((2, 1), (3, 0)) == ["Overview: 'How fast?' is empty"]


def test_a_panel_that_the_page_does_not_know_is_named() -> None:
    assert found((2, 1)) == ["Overview: 'How fast?' was not drawn"]


def test_a_title_that_does_not_fit_is_named() -> None:
    assert found((2, 1), (3, 1), cut=(2,)) == ["Overview: the title 'How old?' is cut"]


def test_errors_of_the_page_are_told() -> None:
    assert found((2, 1), (3, 1), errors=("it broke",)) == ["Overview: the page says it broke"]
