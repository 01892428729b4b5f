"""Every rule over the whole tree."""

import tomllib
from collections.abc import Callable, Iterator

import pytest

from tests.tidy import citations, rules
from tests.tidy.tree import ROOT, Source, sources, texts, tracked

SOURCE_RULES: list[Callable[[Source], Iterator[str]]] = [
    rules.purity,
    rules.unseeded,
    rules.metrics_in_one_place,
    rules.domain_imports,
    rules.wall_clock,
    rules.environment,
    rules.lengths,
    rules.error_root,
    rules.prints,
    rules.one_thread_class,
    rules.sleeps_in_tests,
    rules.assertion_free_tests,
    rules.oracle_is_independent,
    rules.private_attributes,
]
TEXT_RULES: list[Callable[[str, str], Iterator[str]]] = [rules.leftovers, rules.machine_paths, citations.elsewhere]
# Run as programs: `make generate`, and by the Makefile's set-up.
ENTRY_POINTS = (
    *(
        "tidewheel.wire.generate",
        "tidewheel.cli.reference",
        "tidewheel.local.servers.jars",
        "tidewheel.observability.generate",
    ),
    "tidewheel.wire.open_inference.open_inference_pb2_grpc",  # for clients: the predictor needs the messages only
)


def named(rule: Callable[..., object]) -> str:
    return rule.__name__


@pytest.mark.parametrize("rule", SOURCE_RULES, ids=named)
def test_sources(rule: Callable[[Source], Iterator[str]]) -> None:
    assert [breach for source in sources() for breach in rule(source)] == []


@pytest.mark.parametrize("rule", TEXT_RULES, ids=named)
def test_texts(rule: Callable[[str, str], Iterator[str]]) -> None:
    assert [breach for path, text in texts() for breach in rule(path, text)] == []


def test_citations() -> None:
    written, paths = (ROOT / citations.RULES).read_text(), tracked()
    assert [breach for path, text in texts() for breach in citations.cited_sections(path, text, written)] == []
    assert [breach for path, text in texts() for breach in citations.cited_decisions(path, text, paths)] == []
    assert list(citations.held_by(written, paths)) == []


def test_sizes() -> None:
    assert [breach for path in tracked() for breach in rules.sizes(path, (ROOT / path).stat().st_size)] == []


def test_same_names() -> None:
    assert list(rules.same_names(tracked())) == []


def test_orphans() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"].values()
    starts = {script.partition(":")[0] for script in scripts} | set(ENTRY_POINTS)
    assert list(rules.orphans(sources(), starts)) == []


def test_there_is_something_to_check() -> None:
    assert len(sources()) > 50
    assert any(rules.pure(source) for source in sources())
