"""What every command that asks a predictor begins with: its address, TLS, a token, a time limit, failures in one
line."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import grpc

from tidewheel.cli.options import FiniteRange
from tidewheel.client import PredictionError, PredictorClient

F = TypeVar("F", bound=Callable[..., Any])


def address_options(command: F) -> F:
    """Adds --address, --timeout, --tls-ca and --token, handed over as `client`."""

    @functools.wraps(command)
    def with_client(
        *arguments: Any, address: str, timeout_s: float, tls_ca: Path | None, token: str, **more: Any
    ) -> Any:
        credentials = None if tls_ca is None else grpc.ssl_channel_credentials(tls_ca.read_bytes())
        client = PredictorClient(address, timeout_s=timeout_s, credentials=credentials, token=token)
        return command(*arguments, client=client, **more)

    options = (
        click.option(
            "--address",
            metavar="HOST:PORT",
            envvar="TIDEWHEEL_PREDICTOR",
            default="127.0.0.1:50051",
            show_default=True,
            show_envvar=True,
            help="Where the predictor listens; of a name with several addresses all are asked in turn.",
        ),
        click.option(
            "--timeout",
            "timeout_s",
            type=FiniteRange(0.01, 600),
            default=5.0,
            show_default=True,
            help="Seconds to wait for an answer, with what is tried again.",
        ),
        click.option(
            "--tls-ca",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            help="Speak TLS, and trust the authorities in this PEM file.",
        ),
        click.option(
            "--token",
            envvar="TIDEWHEEL_TOKEN",
            default="",
            show_envvar=True,
            help="Bearer token; better in the environment than on the command line.",
        ),
    )
    wrapped: Any = with_client
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


@contextmanager
def asking(client: PredictorClient) -> Iterator[None]:
    """Close the client in the end, and give its failures as one clear line."""
    with client:
        try:
            yield
        except ValueError as failure:
            raise click.ClickException(str(failure)) from None
        except PredictionError as failure:
            message = str(failure)
            if failure.code == "UNAVAILABLE" and message.startswith("no predictor answers"):
                message += "; start one with `tidewheel run`, or give --address"
            elif failure.code != "DEADLINE_EXCEEDED":
                message += f" ({failure.code})"
            raise click.ClickException(message) from None
