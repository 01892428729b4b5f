"""What two witnesses tell of one run."""

from dataclasses import replace

from tests.unit.local.values import T0_NS, event
from tests.unit.report import values
from tidewheel.domain.models import Verdict
from tidewheel.domain.training import Step
from tidewheel.report.run_report import RunReport, RunSources


def test_the_first_of_repeated_events_counts() -> None:
    sources = values.published()
    again = tuple(replace(one, at_ns=one.at_ns + 10**12) for one in sources.events)
    report = RunReport(replace(sources, events=sources.events + again))
    assert report.first[Step.SPLIT].at_ns == sources.events[2].at_ns
    assert len(report.trials) == 10
    assert list(report.gaps()) == ["The run was begun 2 times, as after a crash; each step is shown at its first time."]


def test_published_is_published_whatever_came_before() -> None:
    """A trainer killed between refusal and its commit makes the run again."""
    events = (event(3, Step.FAILED, 1.0, reason="training_error"), event(3, Step.PUBLISHED, 9.0))
    report = RunReport(RunSources(values.NAME, 3, 0, events))
    assert report.verdict is Verdict.PUBLISHED
    assert report.ended_at_ns == T0_NS + 9 * 10**9


def test_what_the_log_lacks_the_registry_tells() -> None:
    report = RunReport(values.registry_only())
    assert (report.verdict, report.examples, report.recall_min) == (Verdict.PUBLISHED, (20_001, 30_000), 0.25)
    assert report.ended_at_ns == T0_NS + 3 * 10**9
    assert report.scorecard == values.JUDGED


def test_what_the_registry_lacks_the_log_tells() -> None:
    report = RunReport(values.log_only())
    assert (report.verdict, report.evidence, report.threshold) == (Verdict.PUBLISHED, "weak", 0.6)
    assert (report.examples, report.recall_min, report.sha256) == ((20_001, 30_000), None, "ab" * 32)
    assert set(report.parts) == {"validation", "test"}
    assert report.scorecard == values.JUDGED


def test_a_configuration_that_is_none_says_nothing() -> None:
    sources = values.published()
    assert sources.model is not None
    for config in ("", "[1]", "{", '{"criterion":{"recall_min":"many"}}'):
        lineage = replace(sources.model.lineage, training_config=config)
        assert RunReport(replace(sources, model=replace(sources.model, lineage=lineage))).recall_min is None


def test_a_log_whose_beginning_is_gone_says_so() -> None:
    sources = values.published()
    assert "no longer holds the first events" in " ".join(RunReport(replace(sources, events=sources.events[4:])).gaps())
    assert list(RunReport(sources).gaps()) == []
