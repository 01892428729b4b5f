"""Where the registry's Redis is and how one gets in. Needs no client of Redis."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from tidewheel.registry.urls import masked_url
from tidewheel.runtime.secret_files import read_secret

TLS_SCHEME = "rediss"


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """A URL and the files that open the door there; shown without a password that the URL may hold."""

    url: str
    password_file: str = ""
    ca_file: str = ""

    def __str__(self) -> str:
        return masked_url(self.url)

    @property
    def username(self) -> str:
        """The user that the URL names; empty for the default one."""
        return unquote(urlsplit(self.url).username or "")

    @property
    def url_without_user(self) -> str:
        """For a client that is told of the user elsewhere."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def has_tls(self) -> bool:
        return urlsplit(self.url).scheme == TLS_SCHEME

    def password(self) -> str:
        """As its file holds it now. Raises SecretFileError."""
        return read_secret(self.password_file)


# A URL alone may hold all that is needed.
RedisServer = str | RedisAccess


def access_of(server: RedisServer) -> RedisAccess:
    """The same, whichever was given."""
    return RedisAccess(server) if isinstance(server, str) else server


def access_faults(access: RedisAccess, url: str, password_file: str, ca_file: str) -> Iterator[str]:
    """What does not go together, a sentence each; the last three are what people call the parts."""
    parts = urlsplit(access.url)
    if access.password_file and (parts.password or "password" in dict(parse_qsl(parts.query))):
        yield f"{url} holds a password, and {password_file} is set: leave one of them out"
    if access.ca_file and not access.has_tls:
        yield f"{ca_file} is set, and {url} is not {TLS_SCHEME}://, so that it is not used"
