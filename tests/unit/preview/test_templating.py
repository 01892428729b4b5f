import pytest

from preview.errors import PreviewError
from preview.templating import interval_s, legend, of_dashboard, of_intervals, rate_interval_s, substituted

VALUES = {"instrument": ".*", "__rate_interval": "20s", "__interval": "5s"}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ('up{i=~"$instrument"}', 'up{i=~".*"}'),
        ('up{i=~"${instrument}"}', 'up{i=~".*"}'),
        ('up{i=~"${instrument:regex}"}', 'up{i=~".*"}'),
        ("rate(x[$__rate_interval]) offset $__interval", "rate(x[20s]) offset 5s"),
        ('label_replace(x, "a", "$1 b", "c", "(.+)")', 'label_replace(x, "a", "$1 b", "c", "(.+)")'),
        ("none of them", "none of them"),
    ],
)
def test_variables_are_replaced(text: str, sent: str) -> None:
    assert substituted(text, VALUES) == sent


def test_a_variable_that_nobody_has_is_named() -> None:
    # A planted fault: Grafana would send the name itself, and show an empty panel.
    with pytest.raises(PreviewError, match=r"\$instrumnet"):
        substituted('up{i=~"$instrumnet"}', VALUES)


@pytest.mark.parametrize(
    ("span_s", "points", "least_s", "step_s"),
    [(900, 400, 5, 5), (21600, 1600, 5, 15), (900, 1600, 5, 5), (86400, 400, 5, 300)],
)
def test_steps_are_nice_and_not_below_the_least(span_s: float, points: int, least_s: int, step_s: int) -> None:
    assert interval_s(span_s, points, least_s) == step_s


@pytest.mark.parametrize(("step_s", "rate_s"), [(5, 20), (15, 20), (300, 305)])
def test_a_rate_has_four_scrapes_and_a_step_with_one_more(step_s: int, rate_s: int) -> None:
    assert rate_interval_s(step_s, 5) == rate_s


def test_grafanas_own_variables() -> None:
    assert of_intervals(5, 5, 300.4) == {
        "__interval": "5s",
        "__interval_ms": "5000",
        "__rate_interval": "20s",
        "__range": "300s",
        "__range_s": "300",
    }


def query_variable(value: object) -> dict[str, object]:
    return {"name": "i", "type": "query", "allValue": ".*", "current": {"value": value}}


@pytest.mark.parametrize(
    ("value", "sent"),
    [("$__all", ".*"), (["$__all"], ".*"), ("a.b", "a.b"), (["a.b"], "a.b"), (["a.b", "c"], r"(a\.b|c)")],
)
def test_what_is_chosen(value: object, sent: str) -> None:
    assert of_dashboard({"templating": {"list": [query_variable(value)]}}) == {"i": sent}


def test_a_text_box_is_its_text() -> None:
    assert of_dashboard({"templating": {"list": [{"name": "docs", "type": "textbox", "query": "here"}]}}) == {
        "docs": "here"
    }


@pytest.mark.parametrize(
    ("template", "called"),
    [("{{a}} and {{ b }}", "1 and 2"), ("{{c}}", ""), ("", 'up{a="1", b="2"}'), ("__auto", 'up{a="1", b="2"}')],
)
def test_legends(template: str, called: str) -> None:
    assert legend(template, {"__name__": "up", "a": "1", "b": "2"}) == called
