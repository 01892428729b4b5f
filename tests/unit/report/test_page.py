"""The page as a whole: well formed, alone, safe, and honest about how the run ended and what it lacks."""

import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from services.trainer.dataset.split import DEVELOPMENT_PERCENT
from tests.unit.report import values
from tests.unit.report.reading import numbers, parsed, visible_text
from tidewheel.domain.training import SplitSizes, Step
from tidewheel.report.evaluation import PART_PERCENT
from tidewheel.report.page import page
from tidewheel.report.run_report import RunSources

Made = Callable[[], RunSources]
ORDER = (
    *("Steps of the run", "Rows of the window", "Search", "Validation and test", "Calibration", "Coefficients"),
    *("On its next window", "Lineage"),
)
every_kind = pytest.mark.parametrize("made", values.EVERY.values(), ids=values.EVERY.keys())


def headings(sources: RunSources) -> list[str]:
    return [one.text or "" for one in parsed(page(sources)).iter("h2")]


def verdict_of(sources: RunSources) -> ElementTree.Element:
    (box,) = (one for one in parsed(page(sources)).iter("div") if one.get("class", "").startswith("verdict"))
    return box


@every_kind
def test_it_is_well_formed_and_needs_nothing_beside_itself(made: Made) -> None:
    text = page(made())
    for element in parsed(text).iter():
        assert element.tag not in ("script", "link", "img", "iframe", "object", "use", "a")
        assert [name for name in element.attrib if name.startswith("on") or name in ("src", "href")] == []
    assert re.findall(r"https?:|url\(|@import", text) == []


@every_kind
def test_drawings_have_a_name_and_stay_within_their_frame(made: Made) -> None:
    for drawing in parsed(page(made())).iter("svg"):
        assert drawing.get("role") == "img"
        assert drawing.find("title") is not None
        _, _, width, height = map(float, drawing.attrib["viewBox"].split())
        for axis, value in numbers(drawing):
            assert 0 <= value <= (width if axis == "x" else height), (drawing.get("aria-label"), axis, value)


@every_kind
def test_no_number_is_python_for_none_at_all(made: Made) -> None:
    assert re.findall(r"\b(nan|inf|None|True|False)\b", visible_text(parsed(page(made())))) == []


def test_everything_that_is_known_is_there_in_its_order() -> None:
    assert tuple(headings(values.published())) == ORDER
    assert visible_text(parsed(page(values.published()))).count("What this page lacks") == 0


@pytest.mark.parametrize(
    ("made", "kind", "rendered"),
    [
        (values.published, "done", "Published: the run made a model"),
        (values.refused, "refused", "Refused: the run left no model to be served Reason: one class"),
        (
            values.failed,
            "failed",
            "Failed: something broke, and there is no model of this window Reason: training error",
        ),
        (values.running, "open", "No verdict yet"),
        (values.registry_only, "done", "Published"),
        (values.log_only, "done", "Published"),
    ],
)
def test_the_verdict_in_words(made: Made, kind: str, rendered: str) -> None:
    box = verdict_of(made())
    assert box.get("class") == f"verdict {kind}"
    assert rendered in visible_text(box)


def test_a_failed_run_never_looks_like_a_success() -> None:
    root = parsed(page(values.failed()))
    assert "Published" not in visible_text(root)
    assert [one.get("class") for one in root.iter("li")].count("failed") == 2  # the trials it broke in, and the end
    assert "ValueError: <script>alert(1)</script> & so on" in visible_text(verdict_of(values.failed()))


@pytest.mark.parametrize("hostile", ["<script>x()</script>", "\" onload='x()", "a&b]]>\x00\x1b"])
def test_what_is_put_in_stays_text(hostile: str) -> None:
    sources = values.published()
    assert sources.record is not None
    assert sources.model is not None
    lineage = replace(sources.model.lineage, training_config=hostile, topic=hostile, started_from=hostile)
    root = parsed(
        page(
            replace(
                sources,
                instrument=hostile,
                events=tuple(replace(one, detail=hostile, reason=hostile) for one in sources.events),
                record=replace(sources.record, reason=hostile),
                model=replace(sources.model, lineage=lineage),
                log_error=hostile,
                serving=hostile,
            )
        )
    )
    seen = hostile.replace("\x00", "\N{REPLACEMENT CHARACTER}").replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    assert visible_text(root).count(" ".join(seen.split())) > 10
    assert list(root.iter("script")) == []


@pytest.mark.parametrize(
    ("made", "lacks", "absent"),
    [
        (values.log_only, "Redis is away.", {"Coefficients"}),
        (values.registry_only, "The log holds no events of this run.", {"Search"}),
        (values.record_only, "no longer kept", {"Rows of the window", "Search", "Validation and test", "Coefficients"}),
        (values.refused, "the run ended before it came to them", set(ORDER[1:6])),
    ],
)
def test_what_is_missing_is_said(made: Made, lacks: str, absent: set[str]) -> None:
    assert set(ORDER) - set(headings(made())) == absent
    (aside,) = parsed(page(made())).iter("aside")
    assert lacks in visible_text(aside)
    for name in absent:
        assert name.lower() in visible_text(aside)


def test_two_witnesses_that_differ_are_both_heard() -> None:
    sources = values.refused()
    assert sources.record is not None
    promoted = replace(sources, record=values.record())
    assert "the log says refused, the registry says published" in visible_text(parsed(page(promoted))).lower()
    assert verdict_of(promoted).get("class") == "verdict done"


def test_figures_say_which_rows_they_are_of() -> None:
    rendered = visible_text(parsed(page(values.published())))
    which = "test: the newest 15 % of the window, scored by the holdout model, which had not seen them"
    assert f"{which}; 200 rows worth about 8.0 independent ones" in rendered
    assert "any single window is weak evidence" in rendered
    assert PART_PERCENT == 100 - DEVELOPMENT_PERCENT


def test_rows_that_train_and_validate_in_turn_are_counted_once() -> None:
    sources = values.published()
    events = [
        replace(one, split=SplitSizes(800, 800, 150, 50, 3)) if one.step is Step.SPLIT else one
        for one in sources.events
    ]
    rendered = visible_text(parsed(page(replace(sources, events=tuple(events)))))
    assert "training and validation 800 80.0 % test 150 15.0 % purged 50 5.0 % window 1,000" in rendered
    assert "in turn, in 3 folds" in rendered


def test_the_chosen_setting_is_told_where_it_is_not_its_trials_best() -> None:
    sources = values.published()
    (selected,) = (one.trial for one in sources.events if one.step is Step.SELECTED)
    assert selected
    other = replace(selected, objective=0.123, hyperparameters=replace(selected.hyperparameters, learning_rate=0.0456))
    events = [replace(one, trial=other) if one.step is Step.SELECTED else one for one in sources.events]
    rendered = visible_text(parsed(page(replace(sources, events=tuple(events)))))
    assert f"★ chosen, of {selected.number} 0.123" in rendered
    assert "0.0456" in rendered


def test_the_chosen_point_lies_where_its_axes_say() -> None:
    """Read back from the ticks: precision 21/54 at recall 21/90 on the test part."""
    (drawing,) = (
        one
        for one in parsed(page(values.published())).iter("svg")
        if "Precision by recall on the test" in one.get("aria-label", "")
    )
    (dot,) = (one for one in drawing.iter("circle") if one.get("class") == "chosen")
    places = {(one.text, one.get("text-anchor")): one for one in drawing.iter("text")}

    def between(axis: str, anchor: str, shift: float, at: float) -> float:
        zero, one = (float(places[tick, anchor].attrib[axis]) - shift for tick in ("0.0", "1.0"))
        return (at - zero) / (one - zero)

    assert between("x", "middle", 0, float(dot.attrib["cx"])) == pytest.approx(21 / 90, abs=1e-3)
    assert between("y", "end", 4, float(dot.attrib["cy"])) == pytest.approx(21 / 54, abs=1e-3)


def test_counts_and_shares_of_the_next_window() -> None:
    rendered = visible_text(parsed(page(values.published())))
    assert "this model 100 0.400 20 20.0 % 12 0.600 0.300" in rendered
    assert "model 2, served then 100 0.400 40 40.0 % 18 0.450 0.450" in rendered
    assert "online baseline (80 rows) 80 0.375 20 25.0 % 9 0.450 0.300" in rendered


def test_a_model_that_flags_nothing() -> None:
    rendered = visible_text(parsed(page(values.vacant())))
    assert "At the model's threshold, ∞, nothing is flagged." in rendered
    assert "0 of them are not zero" in rendered
    assert "none flagged" in rendered
    assert "rows worth about 8.0 independent ones; the curve was not kept with its figures." in rendered


def test_the_command_that_makes_it_again() -> None:
    assert "tidewheel models rebuild 3 --instrument sim:BTC-USD" in visible_text(parsed(page(values.published())))
    assert "rebuild" not in visible_text(parsed(page(values.refused())))
