"""What texts of the repository cite is there: sections of the rules, decisions, modules and tests."""

import re
from collections.abc import Iterable, Iterator

# A citation of the rules: the document, a comma, a section or several in quotes. A comment may break the line before.
RULES = "docs/" + "semantics.md"
_QUOTED = r'\s+(?:(?:#|//|--)\s*)?"[^"\n]+"'
CITATION = re.compile(re.escape(RULES) + rf"(?P<sections>,{_QUOTED}(?:(?:,| and| to){_QUOTED})*)?")
ANCHOR, OWN_ANCHOR = re.compile(r"semantics\.md#([a-z0-9-]+)"), re.compile(r"\]\(#([a-z0-9-]+)")
HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)
DECISION = re.compile(r"\bADR (\d+)")
HELD_BY = "Held by: "
# No document of this repository has this name.
ELSEWHERE = re.compile(r"\bDES" + r"IGN\b")


def elsewhere(path: str, text: str) -> Iterator[str]:
    """What is cited stands in this repository."""
    for number, line in enumerate(text.splitlines(), start=1):
        if ELSEWHERE.search(line):
            yield f"{path}:{number} cites a document that is not here: {line.strip()[:60]}"


def cited_sections(path: str, text: str, rules: str) -> Iterator[str]:
    """A section of the rules that is cited exists. Code cites a section, not the document as a whole."""
    headings = set(HEADING.findall(rules))
    for found in CITATION.finditer(text):
        place = f"{path}:{text.count(chr(10), 0, found.start()) + 1}"
        sections = re.findall(r'"([^"]+)"', found["sections"] or "")
        if not sections and not path.endswith(".md"):
            yield f"{place} cites no section of the rules"
        for section in sections:
            if section not in headings:
                yield f"{place} cites section {section!r} of the rules, which is not there"
    slugs = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for anchor in ANCHOR.findall(text) + (OWN_ANCHOR.findall(text) if path == RULES else []):
        if anchor not in slugs:
            yield f"{path} links to #{anchor} of the rules, which is not there"


def cited_decisions(path: str, text: str, paths: Iterable[str]) -> Iterator[str]:
    """A decision that is cited by its number exists."""
    known = {int(found[1]) for each in paths if (found := re.match(r"docs/adr/(\d{4})-", each))}
    for found in DECISION.finditer(text):
        if int(found[1]) not in known:
            yield f"{path}:{text.count(chr(10), 0, found.start()) + 1} cites ADR {found[1]}, which is not there"


def held_by(rules: str, paths: Iterable[str]) -> Iterator[str]:
    """Each section of the rules ends with the modules and, after a semicolon, the tests that hold it; all exist."""
    known = set(paths)
    for section in re.split(r"^## ", rules, flags=re.MULTILINE)[1:]:
        lines = section.strip().splitlines()
        last = lines[-1] if lines[-1].startswith(HELD_BY) else ""
        modules, tests = ([*re.findall(r"`([^`]+)`", part)] for part in f"{last};".split(";")[:2])
        if not modules or not tests:
            yield f"section {lines[0]!r} of the rules does not end with what holds it, modules; tests"
        for path in (*modules, *tests):
            if path not in known or path.startswith("tests/") != (path in tests):
                yield f"section {lines[0]!r} of the rules is held by {path}, which is no such file"
