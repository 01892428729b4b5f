"""`tidewheel topics acls` and `tidewheel registry acl`: what a locked Kafka and a locked Redis must allow."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from confluent_kafka import KafkaException

from tidewheel.cli.options import Parsed, SettingsUsageError, kafka_option
from tidewheel.contracts.access import PRINCIPALS, Grant, Resource, access_table, grants
from tidewheel.registry import access as registry_access
from tidewheel.runtime import acl_admin
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.kafka_refusals import failure_text
from tidewheel.runtime.process import EXIT_FAILED, FatalError
from tidewheel.runtime.secret_files import SecretFileError, read_secret
from tidewheel.runtime.topic_admin import require_broker

SERVICE = "{service}"
FLAGS = {Resource.TOPIC: "--topic", Resource.GROUP: "--group", Resource.TRANSACTIONAL_ID: "--transactional-id"}


def _template(text: str) -> str:
    if SERVICE not in text:
        raise ValueError(f"{text!r} must hold {SERVICE}, in whose place each service's name is put")
    return text


def named(template: str) -> Callable[[str], str]:
    """Service -> its name."""
    return lambda service: template.replace(SERVICE, service)


format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print them: lines for the server's own tools, or for programs.",
)


@click.command()
@click.option(
    "--principal",
    type=Parsed("TEMPLATE", _template),
    default=f"User:{SERVICE}",
    show_default=True,
    metavar="TEMPLATE",
    help="What Kafka calls each service's user; of a client certificate it is User: and the certificate's subject.",
)
@format_option
@click.option("--apply", is_flag=True, help="Make them on the broker; those that are there stay.")
@click.option("--check", is_flag=True, help="Compare the broker's with them; exit code 1 if they differ.")
@kafka_option
@click.pass_context
def acls(ctx: click.Context, /, principal: str, form: str, apply: bool, check: bool, kafka: Broker) -> None:
    """Print the access-control entries that each service needs, as they follow from the declared topics.

    As text: arguments of Kafka's kafka-acls.sh, a line an entry. As JSON: by principal, with the servers that it speaks
    to, from which network policies can be made. `people` reads by this command line, `admin` makes topics and entries.
    """
    wanted, principal_of = grants(), named(principal)
    if not (apply or check):
        click.echo(
            json.dumps(access_table(wanted, principal_of), indent=2) if form == "json" else _text(wanted, principal_of)
        )
        return
    require_broker(kafka)
    try:
        if apply:
            click.echo(f"{acl_admin.apply(kafka, wanted, principal_of)} entries are there, for {len(PRINCIPALS)} users")
        differences = acl_admin.differences(kafka, wanted, principal_of) if check else []
    except KafkaException as failure:
        raise FatalError(f"the entries of Kafka at {kafka} cannot be used: {failure_text(failure.args[0])}") from None
    for line in differences:
        click.echo(line, err=True)
    if differences:
        ctx.exit(EXIT_FAILED)
    if check:
        click.echo("all entries are as declared")


def _text(wanted: list[Grant], principal_of: Callable[[str], str]) -> str:
    return "\n".join(shlex.join(_arguments(grant, principal_of)) for grant in wanted)


def _arguments(grant: Grant, principal_of: Callable[[str], str]) -> list[str]:
    about = ["--cluster"] if grant.resource is Resource.CLUSTER else [FLAGS[grant.resource], grant.name]
    pattern = ["--resource-pattern-type", "prefixed"] if grant.prefixed else []
    operation = "".join(part.capitalize() for part in grant.operation.value.split("_"))
    return ["--add", "--allow-principal", principal_of(grant.principal), "--operation", operation, *about, *pattern]


@click.group()
def registry() -> None:
    """What the registry's Redis must allow."""


@registry.command("acl")
@click.option(
    "--user",
    type=Parsed("TEMPLATE", _template),
    default=SERVICE,
    show_default=True,
    metavar="TEMPLATE",
    help="What Redis calls each service's user.",
)
@click.option(
    "--password-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder with a file a service, named after it, with its password in one line; what is printed holds its "
    "SHA-256 only. A user without a file is off.",
)
@format_option
def acl(user: str, password_dir: Path | None, form: str) -> None:
    """Print the users that each service needs, as lines of an ACL file of Redis 7.2 or Valkey.

    They follow from the keys and scripts of the registry: only `trainer` publishes, `predictor` reads and listens,
    `people` reads, `admin` promotes, rolls back and repairs. The other services have no user. Nobody gets in without
    one.
    """
    if form == "json":
        rules = {name: registry_access.rules_of(one) for name, one in registry_access.USERS.items()}
        click.echo(json.dumps({named(user)(name): one for name, one in rules.items()}, indent=2))
        return
    try:
        passwords = _passwords(password_dir) if password_dir else {}
    except SecretFileError as failure:
        raise SettingsUsageError(f"--password-dir: {failure}") from None
    names = {name: named(user)(name) for name in registry_access.USERS}
    for line in registry_access.acl_lines(names, passwords):
        click.echo(line)


def _passwords(folder: Path) -> dict[str, Any]:
    files = {name: folder / name for name in registry_access.USERS}
    return {name: read_secret(str(path)) for name, path in files.items() if path.exists()}
