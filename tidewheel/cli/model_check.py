"""`tidewheel models check`: damage in the registry, and its repair."""

import json
from collections.abc import Callable
from dataclasses import asdict

import click

from tidewheel.cli.options import redis_option
from tidewheel.cli.registry_access import json_option, open_registry
from tidewheel.registry.damage import Damage, RegistryChecker
from tidewheel.registry.redis_access import RedisServer


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended, and remove what cannot be used.")
@redis_option
@json_option
@click.pass_context
def check(ctx: click.Context, /, repair: bool, redis: RedisServer, as_json: bool) -> None:
    """Look at every key of the registry, and list what is damaged.

    A line a damage: the key, what is wrong with it, and what --repair does about it. Exit code 1 where something is
    damaged and was not repaired. Where TIDEWHEEL_HMAC_KEY is set, what is not signed with it counts as damaged.
    """
    with open_registry(redis) as registry:
        checker = RegistryChecker(registry)
        damages = confirmed(checker.damages)
        repairs = checker.repair(damages) if repair else []
        left = confirmed(checker.damages) if repair and damages else damages
    if as_json:
        click.echo(json.dumps({"damages": [_as_dict(one) for one in damages], "repaired": repair, "left": len(left)}))
    else:
        for line in (*(one.text for one in damages), *repairs, _summary(damages, left, repair)):
            click.echo(line)
    if left:
        ctx.exit(1)


def confirmed(find: Callable[[], list[Damage]]) -> list[Damage]:
    """What two looks name alike: a model that is published while one looks is there in some keys and not yet in others,
    and to repair that would take it away."""
    found = find()
    return [one for one in find() if one in found] if found else []


def _as_dict(damage: Damage) -> dict[str, object]:
    return {name: value for name, value in asdict(damage).items() if name != "commands"}


def _summary(damages: list[Damage], left: list[Damage], repair: bool) -> str:
    if not damages:
        return "nothing is damaged"
    if not repair:
        return f"damaged: {len(damages)}; `tidewheel models check --repair` does what stands behind each"
    return f"damaged: {len(damages)}, of which {len(damages) - len(left)} are mended"
