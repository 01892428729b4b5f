"""What the commands print of who may do what."""

import json
import shlex

import pytest

from tidewheel.cli.main import main
from tidewheel.contracts.access import PRINCIPALS, grants
from tidewheel.registry.access import USERS


def test_a_line_an_entry_as_kafkas_own_program_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "acls", "--principal", "User:CN=tw {service}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(grants())
    assert shlex.split(next(line for line in lines if "--transactional-id" in line)) == [
        *("--add", "--allow-principal", "User:CN=tw labeler", "--operation", "Write"),
        *("--transactional-id", "tidewheel-labeler-", "--resource-pattern-type", "prefixed"),
    ]
    assert "--add --allow-principal 'User:CN=tw admin' --operation Alter --cluster" in lines
    assert "--add --allow-principal 'User:CN=tw people' --operation DescribeConfigs --topic ticks" in lines


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "acls", "--format", "json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert set(table) == set(PRINCIPALS)
    assert table["trainer"]["principal"] == "User:trainer"
    assert table["trainer"]["servers"] == ["kafka", "redis"]
    assert main(["registry", "acl", "--format", "json", "--user", "tw-{service}"]) == 0
    users = json.loads(capsys.readouterr().out)
    assert set(users) == {f"tw-{user}" for user in USERS}
    assert "+publish" in users["tw-trainer"]
    assert "+publish" not in users["tw-predictor"]


@pytest.mark.parametrize("command", [("topics", "acls", "--principal"), ("registry", "acl", "--user")])
def test_a_name_that_is_the_same_for_all_is_refused(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "User:all"]) == 2
    assert "must hold {service}" in capsys.readouterr().err
