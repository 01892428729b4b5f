"""The tracked files of this checkout, and what Python sources say, as the rules see them."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PRODUCT = ("tidewheel/", "services/", "backtest/")
GENERATED = "tidewheel/wire/v1/"


@dataclass(frozen=True)
class Source:
    """A Python file: its path from the root with forward slashes, and its text."""

    path: str
    text: str

    @property
    def module(self) -> str:
        """Its dotted name; a package's is its folder's."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.path, self.text)


@cache
def _parsed(path: str, text: str) -> ast.Module:
    return ast.parse(text, path)


@cache
def tracked() -> tuple[str, ...]:
    """Paths of all files that are tracked, or would be with the next `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return tuple(path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file())


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """All tracked files with what they hold; what is no text is read byte for byte."""
    return tuple((path, _text(path)) for path in tracked())


def _text(path: str) -> str:
    try:
        return (ROOT / path).read_text()
    except UnicodeDecodeError:
        return (ROOT / path).read_bytes().decode("latin-1")


@cache
def sources() -> tuple[Source, ...]:
    """All tracked Python files that people wrote."""
    paths = (path for path in tracked() if path.endswith(".py") and not path.startswith(GENERATED))
    return tuple(Source(path, (ROOT / path).read_text()) for path in paths)


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported, `from a import b` as `a.b`."""
    package = source.module if source.path.endswith("__init__.py") else source.module.rpartition(".")[0]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            for name in node.names:
                yield node.lineno, f"{base}.{name.name}"


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a chain of names; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = dotted(node.value)
        return f"{above}.{node.attr}" if above else ""
    return ""


def full_names(source: Source) -> Iterator[tuple[int, str]]:
    """(line, full dotted name) of each attribute or name used, with imported aliases written out."""
    aliases: dict[str, str] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            aliases |= {
                name.asname or name.name.split(".")[0]: (name.asname and name.name) or name.name.split(".")[0]
                for name in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            aliases |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.Attribute, ast.Name)) and (name := dotted(node)):
            head, _, rest = name.partition(".")
            full = aliases.get(head, head)
            yield node.lineno, f"{full}.{rest}" if rest else full
