"""The connection to Redis: bounded waits, and one exception when it does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis
from redis import CredentialProvider
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.retry import Retry

from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.texts import printable
from tidewheel.registry.redis_access import RedisAccess, RedisServer, access_of
from tidewheel.registry.verify import VerificationError, VerificationFailure
from tidewheel.runtime.secret_files import SecretFileError

SOCKET_TIMEOUT_S = 2.0
# Of a user that is unknown or has another password, and of one that may not do this.
REFUSALS = (AuthenticationError, NoPermissionError)
REFUSED_IN_SCRIPT = "ACL failure"
# In the words of a refusal, be it of a command or of one in a script.
WRONG_TYPE = "WRONGTYPE"


class PasswordFile(CredentialProvider):
    """Asked at each new connection, so that a password that was replaced is used from then on."""

    def __init__(self, access: RedisAccess) -> None:
        self._access = access

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = self._access.password()
        return (self._access.username, password) if self._access.username else (password,)


class RegistryUnavailableError(TidewheelError):
    """Redis does not answer, or refuses to do it now; the message is one line for people, without credentials."""


def checked_url(url: str) -> str:
    """The URL as given. Raises ValueError in words for people, which do not repeat a password, where it is none."""
    try:
        connect(url).close()
    except ValueError:
        raise ValueError("must be a Redis URL like redis://127.0.0.1:6379/0") from None
    return url


def connect(server: RedisServer) -> redis.Redis:
    """A client for a server; speaks to nobody yet. Raises ValueError where its URL is none of Redis.

    One immediate retry: after a restart of Redis the pooled connections are dead, and that is no outage.
    """
    access = access_of(server)
    url, locks = access.url, dict[str, Any]()
    if access.password_file:
        url = access.url_without_user
        locks["credential_provider"] = PasswordFile(access)
    if access.has_tls and access.ca_file:
        locks["ssl_ca_certs"] = access.ca_file
    return redis.Redis.from_url(
        url,
        **locks,
        protocol=2,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),
    )


def address_of(server: RedisServer) -> str:
    """Host and port of a URL, without the password it may hold."""
    parts = urlsplit(access_of(server).url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path


@contextmanager
def translating_errors(address: str, instrument: str | None = None) -> Iterator[None]:
    """Turns whatever the client raises into RegistryUnavailableError; but into VerificationError where a key of the
    instrument in question is of another type than it must be, which is damage and no outage."""
    try:
        yield
    except SecretFileError as failure:
        raise RegistryUnavailableError(f"Redis at {address} cannot be asked: {failure}") from failure
    except (RedisError, OSError) as failure:
        words = printable(" ".join(str(failure).split())) or type(failure).__name__
        if isinstance(failure, REFUSALS) or words.startswith(REFUSED_IN_SCRIPT):
            raise RegistryUnavailableError(f"Redis at {address} refuses this user: {words}") from failure
        if instrument is not None and isinstance(failure, ResponseError) and WRONG_TYPE in words:
            raise VerificationError(VerificationFailure.KEY, f"a key of {instrument} is damaged: {words}") from failure
        raise RegistryUnavailableError(f"Redis at {address} does not answer: {words}") from failure
