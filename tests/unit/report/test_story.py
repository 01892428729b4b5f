"""What two witnesses tell of one run."""

from dataclasses import replace

from tests.unit.local.values import T0_NS, event
from tests.unit.report import values
from tidewheel.domain.models import Verdict
from tidewheel.domain.training import Step
from tidewheel.report.story import Known, Story


def test_the_first_of_repeated_events_counts() -> None:
    known = values.published()
    again = tuple(replace(one, at_ns=one.at_ns + 10**12) for one in known.events)
    story = Story(replace(known, events=known.events + again))
    assert story.first[Step.SPLIT].at_ns == known.events[2].at_ns
    assert len(story.trials) == 10
    assert list(story.gaps()) == ["The run was begun 2 times, as after a crash; each step is shown at its first time."]


def test_published_is_published_whatever_came_before() -> None:
    """A trainer killed between refusal and its commit makes the run again."""
    events = (event(3, Step.FAILED, 1.0, reason="training_error"), event(3, Step.PUBLISHED, 9.0))
    story = Story(Known(values.NAME, 3, 0, events))
    assert story.verdict is Verdict.PUBLISHED
    assert story.ended_at_ns == T0_NS + 9 * 10**9


def test_what_the_log_lacks_the_registry_tells() -> None:
    story = Story(values.registry_only())
    assert (story.verdict, story.examples, story.recall_min) == (Verdict.PUBLISHED, (20_001, 30_000), 0.25)
    assert story.ended_at_ns == T0_NS + 3 * 10**9
    assert story.scorecard == values.JUDGED


def test_what_the_registry_lacks_the_log_tells() -> None:
    story = Story(values.log_only())
    assert (story.verdict, story.evidence, story.threshold) == (Verdict.PUBLISHED, "weak", 0.6)
    assert (story.examples, story.recall_min, story.sha256) == ((20_001, 30_000), None, "ab" * 32)
    assert set(story.parts) == {"validation", "test"}
    assert story.scorecard == values.JUDGED


def test_a_configuration_that_is_none_says_nothing() -> None:
    known = values.published()
    assert known.model is not None
    for config in ("", "[1]", "{", '{"criterion":{"recall_min":"many"}}'):
        lineage = replace(known.model.lineage, training_config=config)
        assert Story(replace(known, model=replace(known.model, lineage=lineage))).recall_min is None


def test_a_log_whose_beginning_is_gone_says_so() -> None:
    known = values.published()
    assert "no longer holds the first events" in " ".join(Story(replace(known, events=known.events[4:])).gaps())
    assert list(Story(known).gaps()) == []
