"""Lock files: every package by its hashes, no index named, one version in all sets; CI runs what the README says."""

import re
import tomllib

import pytest

from tests.tidy.tree import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
# Of other programs, in environments of their own.
RIVALS = {
    *("rivals-ccxt", "rivals-faust", "rivals-kserve", "rivals-mlserver", "rivals-polars", "rivals-quixstreams"),
    *("clients-tritonclient", "clients-open_inference"),
}
PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(text: str) -> list[str]:
    """One logical line a package, continuations joined."""
    joined = text.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def faults(text: str) -> list[str]:
    """What is wrong with a lock file."""
    found = [f"no exact version: {e[:60]}" for e in entries(text) if not PACKAGE.match(e)]
    found += [f"no hash: {e[:60]}" for e in entries(text) if not HASH.search(e)]
    return found + [
        f"names an address: {line[:60]}" for line in text.splitlines() if re.search(r"https?:|index-url", line)
    ]


def versions(text: str) -> dict[tuple[str, str], str]:
    """(package, marker) -> version."""
    found = {}
    for entry in entries(text):
        if match := PACKAGE.match(entry):
            marker = entry.partition(";")[2].partition("--hash")[0].strip()
            found[match[1].lower(), marker] = match[2]
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_locks_carry_hashes_and_no_address(lock: object) -> None:
    text = lock.read_text()  # type: ignore[attr-defined]
    assert faults(text) == []
    assert entries(text)


def test_no_address_in_any_file_of_the_set_up() -> None:
    named = [
        path.name
        for path in (*(ROOT / "requirements").iterdir(), ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / ".ci/run")
        if path.is_file() and re.search(r"https?://", path.read_text())
    ]
    assert named == []


def test_all_sets_agree_on_versions() -> None:
    seen: dict[tuple[str, str], set[str]] = {}
    for lock in LOCKS:
        if lock.stem in RIVALS:
            continue
        for package, version in versions(lock.read_text()).items():
            seen.setdefault(package, set()).add(version)
    assert {package: found for package, found in seen.items() if len(found) > 1} == {}


def test_there_is_a_lock_for_every_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {lock.stem for lock in LOCKS} == {*extras, "bootstrap", "build", "release", *RIVALS}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a==1 \\\n    --hash=sha256:" + "0" * 64 + "\n", 0),
        ("a==1\n", 1),
        ("a>=1 --hash=sha256:" + "0" * 64 + "\n", 1),
        ("--index-url x\na==1 --hash=sha256:" + "0" * 64 + "\n", 3),
    ],
)
def test_planted_faults_of_a_lock_are_found(text: str, count: int) -> None:
    assert len(faults(text)) == count


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    run = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line.removeprefix("exec ") for line in run if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make test"]
    assert re.search(r"^make test\b", (ROOT / "README.md").read_text(), re.MULTILINE)
