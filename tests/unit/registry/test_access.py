"""What users of the registry's Redis may do, as it follows from keys and scripts."""

import hashlib

import pytest

from tidewheel.registry import access, scripts

WRITING = {"set", "del", "hset", "zadd", "zrem", "sadd", "srem", "publish", "zremrangebyrank"}
NAMES = {user: user for user in access.USERS}


def test_commands_are_those_that_a_script_reaches() -> None:
    text = """
local function unused(key) return redis.call('FLUSHALL') end
local function inner(key)
  return redis.pcall('GET', key)
end
local function outer(key) return inner(key) end
return outer(KEYS[1]) or redis.call('TYPE', KEYS[1])
"""
    assert access.commands_in(text) == {"GET", "TYPE"}
    assert access.commands_in(text + "unused(KEYS[1])") == {"GET", "TYPE", "FLUSHALL"}


@pytest.mark.parametrize("script", access.READING_SCRIPTS)
def test_what_reads_changes_nothing(script: str) -> None:
    assert not {command.lower() for command in access.commands_in(scripts.text(script))} & WRITING


def test_who_only_reads_has_no_command_that_writes() -> None:
    for user in ("predictor", "people"):
        assert not set(access.USERS[user].all_commands()) & WRITING
    assert {"publish", "set", "hset"} <= set(access.USERS["trainer"].all_commands())
    assert "subscribe" not in access.USERS["trainer"].all_commands()


def test_who_does_not_use_it_has_no_user() -> None:
    assert set(access.USERS) == {"trainer", "predictor", "people", "admin"}


def test_lines_hold_no_password_and_nobody_gets_in_without_one() -> None:
    lines = access.acl_lines({**NAMES, "trainer": "tidewheel-trainer"}, {"trainer": "opens"})
    assert lines[0] == "user default off resetchannels resetkeys -@all"
    assert not any("opens" in line or "nopass" in line or "+@all" in line for line in lines)
    assert lines[1].startswith(f"user tidewheel-trainer reset on #{hashlib.sha256(b'opens').hexdigest()} ")
    assert [line.split()[:4] for line in lines[2:]] == [
        ["user", name, "reset", "off"] for name in ("predictor", "people", "admin")
    ]
