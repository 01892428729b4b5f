"""What a Redis acknowledges outlives its process: a record that was lost had its window told as failed, though its rows
lay on the log and its model was published (found by chaos, seed 802)."""

from pathlib import Path

from tidewheel.local.processes.subprocesses import free_port
from tidewheel.local.servers.redis import redis_command

ON_THE_CLUSTER = Path(__file__).parents[3] / "deploy" / "k8s" / "base" / "redis" / "redis.conf"


def keeps_what_it_acknowledges(words: list[str]) -> bool:
    options = dict(zip(words[::2], words[1::2], strict=True))
    return (options.get("appendonly"), options.get("appendfsync")) == ("yes", "always")


def test_of_a_run(tmp_path: Path) -> None:
    _, *words = redis_command(tmp_path, free_port())
    assert keeps_what_it_acknowledges([word.removeprefix("--") for word in words])


def test_of_a_cluster() -> None:
    lines = [line.split(" ", 1) for line in ON_THE_CLUSTER.read_text().splitlines() if not line.startswith("#")]
    assert keeps_what_it_acknowledges([word for line in lines for word in line])


def test_one_that_syncs_each_second_does_not() -> None:
    assert not keeps_what_it_acknowledges(["appendonly", "yes"])
