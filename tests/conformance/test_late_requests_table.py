"""Every row of docs/late-requests.md names tests that are there, or says that there is none, and every writer has its
rows."""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest

from tests.conformance.wiring import SERVICES
from tests.tidy.tree import ROOT, Source, sources
from tidewheel.contracts.topics import TOPICS

NONE_YET = "none yet"
COLUMNS = ("writer", "request", "late", "twice", "after", "why", "noticed", "test")
TABLE = (ROOT / "docs" / "late-requests.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


class Row(NamedTuple):
    """`writer`: one service or several. `text`: all of the row."""

    writer: str
    request: str
    text: str
    tests: frozenset[tuple[str, str]]


def rows(document: str) -> list[Row]:
    """The rows of its one table, without its head."""
    lines = [line for line in document.splitlines() if line.startswith("|")]
    found = []
    for line in lines[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert len(cells) == len(COLUMNS), line
        found.append(Row(cells[0], cells[1], line, frozenset(NAMED.findall(cells[-1]))))
    return found


def there(checked: Iterable[Source]) -> set[tuple[str, str]]:
    return {
        (source.path, node.name)
        for source in checked
        if source.path.startswith("tests/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def faults(document: str) -> Iterator[str]:
    present = there(sources())
    for row in rows(document):
        if not row.tests and not row.text.rstrip("| ").endswith(NONE_YET):
            yield f"{row.writer}, {row.request}: no test"
        yield from (f"{path} has no {name}" for path, name in sorted(row.tests - present))


def unwritten(document: str) -> Iterator[str]:
    """What a service writes and no row of it names."""
    for topic in TOPICS.values():
        for writer in topic.producers:
            if not any(writer in row.writer and f"`{topic.name}`" in row.request for row in rows(document)):
                yield f"{writer} writes {topic.name}"


def test_every_row_names_tests_that_are_there() -> None:
    assert list(faults(TABLE)) == []


def test_every_writer_of_every_topic_has_a_row() -> None:
    assert list(unwritten(TABLE)) == []
    assert {service for service in SERVICES if not any(service in row.writer for row in rows(TABLE))} == set()


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("::test_one_that_was_replaced", "::test_one_that_was_never", "has no test_one_that_was_never"),
        (
            "tests/integration/test_labeler.py::",
            "tests/integration/test_no.py::",
            "tests/integration/test_no.py has no",
        ),
        ("`tests/conformance/test_topics.py::", "`", "predictor, nothing else: no offsets, no registry: no test"),
    ],
)
def test_a_planted_fault_is_found(old: str, new: str, wanted: str) -> None:
    assert old in TABLE
    assert any(wanted in fault for fault in faults(TABLE.replace(old, new)))


def test_a_planted_writer_without_a_row_is_found() -> None:
    assert list(unwritten(TABLE.replace("`feed-status`", "`fed-status`"))) == ["ingest writes feed-status"]
