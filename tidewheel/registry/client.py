"""The connection to Redis: bounded waits, and one exception when it does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.texts import printable
from tidewheel.registry.verify import VerificationError, VerificationFailure

SOCKET_TIMEOUT_S = 2.0
# In the words of a refusal, be it of a command or of one in a script.
WRONG_TYPE = "WRONGTYPE"


class RegistryUnavailableError(TidewheelError):
    """Redis does not answer, or refuses to do it now; the message is one line for people, without credentials."""


def checked_url(url: str) -> str:
    """The URL as given. Raises ValueError in words for people, which do not repeat a password, where it is none."""
    try:
        connect(url).close()
    except ValueError:
        raise ValueError("must be a Redis URL like redis://127.0.0.1:6379/0") from None
    return url


def connect(url: str) -> redis.Redis:
    """A client for the URL; speaks to nobody yet. Raises ValueError where the URL is none of Redis.

    One immediate retry: after a restart of Redis the pooled connections are dead, and that is no outage.
    """
    return redis.Redis.from_url(
        url,
        protocol=2,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),
    )


def address_of(url: str) -> str:
    """Host and port of a URL, without the password it may hold."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path


@contextmanager
def translating_errors(address: str, instrument: str | None = None) -> Iterator[None]:
    """Turns whatever the client raises into RegistryUnavailableError; but into VerificationError where a key of the
    instrument in question is of another type than it must be, which is damage and no outage."""
    try:
        yield
    except (RedisError, OSError) as failure:
        words = printable(" ".join(str(failure).split())) or type(failure).__name__
        if instrument is not None and isinstance(failure, ResponseError) and WRONG_TYPE in words:
            raise VerificationError(VerificationFailure.KEY, f"a key of {instrument} is damaged: {words}") from failure
        raise RegistryUnavailableError(f"Redis at {address} does not answer: {words}") from failure
