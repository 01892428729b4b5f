"""What a comparison varies: options with several values each, and every configuration that comes of them.

Values are read by the options' own types, so that a bad one gives the same message as it gives a run.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import click

from tidewheel.cli.options import option_text

ParameterValues = dict[str, list[Any]]


def parse_variations(
    options: Mapping[str, click.Option], typed: Sequence[str], context: click.Context
) -> ParameterValues:
    """Parameter -> its values, of arguments like `memory=1,8`. Options are named as they are typed, with dashes.

    Raises UsageError for what makes no sense, BadParameter for a value that an option does not take.
    """
    names = {_dashed(name): name for name in options}
    found: ParameterValues = {}
    for word in typed:
        dashed, equals, texts = word.partition("=")
        if not equals:
            raise click.UsageError(f"--vary {word}: give a name and its values, like memory=1,8")
        if dashed not in names:
            raise click.UsageError(f"--vary {dashed}: {_unknown(dashed, names)}")
        name = names[dashed]
        if name in found:
            raise click.UsageError(f"--vary {dashed} is given twice; give all its values at once, like {dashed}=1,8")
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{dashed} is varied, and given as --{dashed} too; give it once")
        found[name] = list(_values(options[name], dashed, texts, context))
    return found


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _unknown(dashed: str, names: Mapping[str, str]) -> str:
    right = _dashed(dashed).lower().removeprefix("--")
    if right in names:
        return f"write it as {right}"
    return f"there is nothing of that name to vary; there is {', '.join(sorted(names))}"


def _values(option: click.Option, dashed: str, texts: str, context: click.Context) -> Iterator[Any]:
    seen: list[Any] = []
    for text in texts.split(","):
        if not text.strip():
            raise click.UsageError(f"--vary {dashed}={texts}: a value is missing")
        value = option.type.convert(text.strip(), option, context)
        if value in seen:
            raise click.UsageError(f"--vary {dashed}={texts}: {text.strip()} is there twice")
        seen.append(value)
        yield value


def parameter_grid(found: ParameterValues, most: int) -> list[dict[str, Any]]:
    """Every combination of values, the last option's changing fastest; one without any where nothing is varied.

    Raises UsageError where there are more than `most`.
    """
    count = prod(map(len, found.values()))
    if count > most:
        raise click.UsageError(f"--vary makes {count:,} configurations; at most {most} are compared at once")
    return [dict(zip(found, values, strict=True)) for values in product(*found.values())]


def displayed(values: Mapping[str, Any]) -> dict[str, str]:
    """Values for people, by option."""
    return {_dashed(name): option_text(value) for name, value in values.items()}
