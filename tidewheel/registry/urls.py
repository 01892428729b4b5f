"""A URL of Redis as it may be shown and kept. Needs no client of Redis."""

from urllib.parse import parse_qsl, urlsplit, urlunsplit

MASK = "***"
SECRET_QUERIES = frozenset({"password", "ssl_keyfile_password", "ssl_password"})


def masked_url(url: str) -> str:
    """The URL fit to be shown and kept: where it holds a password, `***` stands in its place."""
    parts = urlsplit(url)
    queries = [(name, MASK if name in SECRET_QUERIES else value) for name, value in parse_qsl(parts.query)]
    query = "&".join(f"{name}={value}" for name, value in queries)
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    netloc = f"{name}:{MASK}@{host}" if password else parts.netloc
    return urlunsplit(parts._replace(netloc=netloc, query=query))
