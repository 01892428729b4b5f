"""The documents: links lead somewhere, tests and modules that are named are there, what is to be short is short."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import pytest

from tests.tidy.tree import ROOT, Source, sources, tracked

DOCUMENTS = tuple(path for path in tracked() if path.endswith(".md"))
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NAMED_PATH = re.compile(r"`((?:tidewheel|services|tests|bench|release|proto|docs|requirements)/[\w/.-]*)`")
# What a stranger reads first.
WORDS_MAX = {"README.md": 900, "ARCHITECTURE.md": 1600}


def text_of(path: str) -> str:
    return (ROOT / path).read_text()


def slug(heading: str) -> str:
    """A heading's anchor, as renderers of Markdown make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {slug(match[1]) for match in re.finditer(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)}


def broken_links(path: str, text: str) -> Iterator[str]:
    for target in LINK.findall(FENCED.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        found = (ROOT / path).parent / place if place else ROOT / path
        if not found.exists():
            yield f"{path}: {target} is not there"
        elif anchor and found.suffix == ".md" and anchor not in anchors(found.read_text()):
            yield f"{path}: {target} has no such heading"


def present(checked: Iterable[Source]) -> set[tuple[str, str]]:
    return {
        (source.path, node.name)
        for source in checked
        if source.path.startswith("tests/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef)
    }


def unknown_tests(path: str, text: str) -> Iterator[str]:
    there = present(sources())
    yield from (f"{path}: {file} has no {name}" for file, name in NAMED_TEST.findall(text) if (file, name) not in there)


def unknown_paths(path: str, text: str) -> Iterator[str]:
    known = {str(above) for file in tracked() for above in (PurePosixPath(file), *PurePosixPath(file).parents)}
    for named in NAMED_PATH.findall(text):
        if named.rstrip("/") not in known:
            yield f"{path}: there is no {named}"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_somewhere(path: str) -> None:
    assert list(broken_links(path, text_of(path))) == []


@pytest.mark.parametrize("path", DOCUMENTS)
def test_named_tests_and_files_are_there(path: str) -> None:
    assert [*unknown_tests(path, text_of(path)), *unknown_paths(path, text_of(path))] == []


@pytest.mark.parametrize("path", WORDS_MAX)
def test_what_is_to_be_short_is_short(path: str) -> None:
    assert len(text_of(path).split()) <= WORDS_MAX[path]


def test_each_row_of_the_failures_names_a_test_or_says_that_there_is_none() -> None:
    for path in ("ARCHITECTURE.md", "docs/failures.md"):
        head, tested = "", 0
        for line in text_of(path).splitlines():
            if line.startswith("| what fails |"):
                head = line
            elif not line.startswith("|"):
                head = ""
            elif head and not line.startswith("|---"):
                assert NAMED_TEST.search(line) or line.endswith("| none yet |"), line
                tested += 1
        assert tested > 10


def test_each_document_is_reached_from_the_readme() -> None:
    reached, ahead = {"README.md"}, ["README.md"]
    while ahead:
        path = ahead.pop()
        for target in LINK.findall(FENCED.sub("", text_of(path))):
            found = ((ROOT / path).parent / target.partition("#")[0]).resolve()
            name = found.relative_to(ROOT).as_posix() if found.is_relative_to(ROOT) else ""
            if name in DOCUMENTS and name not in reached:
                reached.add(name)
                ahead.append(name)
    assert [path for path in DOCUMENTS if path not in reached and not path.startswith("docs/adr/0")] == []


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("[a](LICENSE) [b](https://x.example) ```x```", 0),
        ("[a](no.md)", 1),
        ("[a](ARCHITECTURE.md#topics)", 0),
        ("[a](ARCHITECTURE.md#no-such)", 1),
    ],
)
def test_a_planted_link_is_found(text: str, faults: int) -> None:
    assert len(list(broken_links("README.md", text))) == faults


def test_planted_names_are_found() -> None:
    assert list(unknown_tests("a.md", "`tests/conformance/test_documents.py::test_no`")) != []
    assert list(unknown_tests("a.md", "`tests/conformance/test_documents.py::test_links_lead_somewhere`")) == []
    assert list(unknown_paths("a.md", "`services/no.py` `services/labeler/core.py` `docs/adr`")) == [
        "a.md: there is no services/no.py"
    ]
