"""What a run tells its services."""

from dataclasses import replace
from pathlib import Path

import pytest

from services.ingest.settings import Settings
from tests.unit.local.test_run_options import OPTIONS
from tidewheel.domain.feeds import Feed
from tidewheel.local.data_dir import DataDir
from tidewheel.local.monitoring.monitor import Addresses
from tidewheel.local.processes.ports import Ports
from tidewheel.local.processes.services import INGEST, SERVICES, service_specs, settings
from tidewheel.local.run_options import RunOptions
from tidewheel.registry.redis_access import RedisAccess
from tidewheel.runtime.kafka_access import KafkaAccess
from tidewheel.runtime.settings import load

ADDRESSES = Addresses("127.0.0.1:9092", "redis://127.0.0.1:6379/0", "127.0.0.1:50051")
PORTS = Ports(9092, 9093, 6379, 50051, dict.fromkeys(SERVICES, 9101))


def ingest_settings(options: RunOptions) -> dict[str, str]:
    return settings(options, ADDRESSES, PORTS)[INGEST]


def test_ingest_makes_the_market_that_was_asked_for() -> None:
    asked = replace(OPTIONS, sim_seed=7, sim_edge=0.25, sim_flip_s=8_000)
    heard = load(Settings, ingest_settings(asked))
    assert (heard.sim_seed, heard.sim_edge, heard.sim_flip_s) == (7, 0.25, 8_000)


def test_a_recorded_file_has_no_market_to_make() -> None:
    recorded = replace(OPTIONS, feed=Feed("replay", Path("x.csv")), sim_flip_s=8_000)
    assert [name for name in ingest_settings(recorded) if "SIM" in name] == []


@pytest.mark.parametrize("given", [False, True])
def test_keys_of_given_servers_are_for_these_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, given: bool
) -> None:
    keys = {"TIDEWHEEL_KAFKA_PASSWORD_FILE": "kafka", "TIDEWHEEL_REDIS_PASSWORD_FILE": "redis"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    doors = KafkaAccess("there:9092"), RedisAccess("redis://user@there:6379/0")
    addresses = replace(ADDRESSES, kafka=doors[0], redis=doors[1]) if given else ADDRESSES
    specs = service_specs(OPTIONS, addresses, PORTS, DataDir(tmp_path), (), lambda: False)
    environments = {spec.name: dict(spec.env or {}) for spec in specs}
    for environment in environments.values():
        assert {name: environment[name] for name in keys if name in environment} == (keys if given else {})
    assert environments["trainer"]["TIDEWHEEL_REDIS"] == ("redis://user@there:6379/0" if given else ADDRESSES.redis)
