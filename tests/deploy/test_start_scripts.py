"""What the start scripts of Kafka and Redis make of a pod's files, with stand-ins for the servers themselves."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.deploy.manifests import K8S
from tidewheel.registry.access import USERS

PASSWORDS = {user: f"password of {user}" for user in USERS}


def started(folder: Path, script: str, places: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script with its fixed paths below `folder`, and each server a program that does nothing."""
    text = (K8S / "base" / script).read_text()
    for path, place in places.items():
        text = text.replace(path, str(folder / place))
    (folder / "bin").mkdir(exist_ok=True)
    for server in ("redis-server", "kafka-storage.sh", "kafka-server-start.sh"):
        (folder / "bin" / server).write_text(f'#!/bin/sh\necho {server} "$@" >>"{folder}/started"\n')
        (folder / "bin" / server).chmod(0o755)
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", **more}
    return subprocess.run(["sh", "-c", text], env=environment, capture_output=True, text=True, check=False)


def redis_started(folder: Path, passwords: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    (folder / "secrets").mkdir()
    for user, password in passwords.items():
        (folder / "secrets" / user).write_text(password + "\n")
    places = {
        "/etc/tidewheel/users.acl": str(K8S / "base/redis/users.acl"),
        "/run/secrets/redis": "secrets",
        "/tmp/users.acl": "users.acl",
    }
    return started(folder, "redis/start.sh", places, **more)


def users(folder: Path) -> dict[str, list[str]]:
    lines = [line.split() for line in (folder / "users.acl").read_text().splitlines()]
    return {words[1]: words[2:] for words in lines}


def test_each_user_of_redis_has_the_hash_of_its_password(tmp_path: Path) -> None:
    assert redis_started(tmp_path, PASSWORDS).returncode == 0
    made = users(tmp_path)
    assert made["default"][:2] == ["reset", "off"]
    for user, password in PASSWORDS.items():
        assert made[user][:3] == ["reset", "on", "#" + hashlib.sha256(password.encode()).hexdigest()]
    assert (tmp_path / "started").exists()


@pytest.mark.parametrize("missing", USERS)
def test_a_missing_password_is_said_in_one_line_and_nothing_starts(tmp_path: Path, missing: str) -> None:
    ended = redis_started(tmp_path, {user: one for user, one in PASSWORDS.items() if user != missing})
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"Secret redis-passwords has no key {missing}" in line
    assert not (tmp_path / "started").exists()


def test_on_a_laptop_users_have_rights_and_no_passwords(tmp_path: Path) -> None:
    assert redis_started(tmp_path, {}, REDIS_PASSWORDS="none").returncode == 0
    assert all(users(tmp_path)[user][:3] == ["reset", "on", "nopass"] for user in USERS)


@pytest.mark.parametrize("formatted", [False, True])
def test_a_broker_is_numbered_by_its_pod_and_formatted_once(tmp_path: Path, formatted: bool) -> None:
    logs = tmp_path / "data" / "logs"
    logs.mkdir(parents=True)
    if formatted:
        (logs / "meta.properties").write_text("")
    places = {
        "/etc/tidewheel/server.properties": str(K8S / "base/kafka/server.properties"),
        "/tmp/server.properties": "server.properties",
        "/var/lib/kafka/data": "data",
        "/opt/kafka/bin": "bin",
    }
    assert started(tmp_path, "kafka/start.sh", places, HOSTNAME="kafka-2", CLUSTER_ID="x").returncode == 0
    lines = (tmp_path / "server.properties").read_text().splitlines()
    assert "node.id=2" in lines
    assert "advertised.listeners=PLAINTEXT://kafka-2.kafka:9092" in lines
    programs = [line.split()[0] for line in (tmp_path / "started").read_text().splitlines()]
    assert programs == ["kafka-storage.sh"] * (not formatted) + ["kafka-server-start.sh"]
