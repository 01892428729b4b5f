"""The settings of whoever uses the registry, the same for all."""

from dataclasses import dataclass

from tidewheel.registry.client import checked_url
from tidewheel.registry.redis_access import RedisAccess, access_faults
from tidewheel.runtime.kafka_settings import READABLE_FILE, SECRET_FILE
from tidewheel.runtime.secret_files import read_secret
from tidewheel.runtime.settings import PREFIX, Parser, setting, text

REDIS_VARIABLES = tuple(f"{PREFIX}REDIS{part}" for part in ("", "_PASSWORD_FILE", "_CA_FILE"))
HMAC_VARIABLES = f"{PREFIX}HMAC_KEY", f"{PREFIX}HMAC_KEY_FILE"


@dataclass(frozen=True)  # without slots, so that it may be one of several bases
class SigningSettings:
    """The key that models are signed with."""

    # Empty would sign with what everybody knows, or mean no key at all.
    hmac_key: str = setting(
        text,
        "",
        secret=True,
        may_be_empty=False,
        meaning="Where set, models, their records and the pointers at them are signed with it, and must be.",
    )
    hmac_key_file: str = setting(
        SECRET_FILE,
        "",
        may_be_empty=False,
        meaning="File with that key, one line, instead; read once at the start.",
    )

    def __post_init__(self) -> None:
        """Raises ValueError where both are set."""
        if self.hmac_key and self.hmac_key_file:
            raise ValueError(f"{' and '.join(HMAC_VARIABLES)} are both set: leave one of them out")

    @property
    def signing_key(self) -> bytes | None:
        """The key, None where nothing is signed. Raises SecretFileError."""
        key = read_secret(self.hmac_key_file) if self.hmac_key_file else self.hmac_key
        return key.encode() or None


@dataclass(frozen=True)
class RegistrySettings(SigningSettings):
    """Where the registry is, how to get in, and the key."""

    # Secret, since a URL may hold a password.
    redis: str = setting(
        Parser(checked_url, "a Redis URL"),
        "redis://127.0.0.1:6379/0",
        secret=True,
        meaning="URL of the registry; `redis://user@host:6379/0` names a user, `rediss://` asks for TLS.",
    )
    redis_password_file: str = setting(
        SECRET_FILE,
        "",
        meaning="File with the password of the URL's user, one line. Read again at each new connection.",
    )
    redis_ca_file: str = setting(
        READABLE_FILE,
        "",
        meaning="PEM file of the authorities that may sign the server's certificate, for `rediss://`. Empty: those of "
        "the system.",
    )

    def __post_init__(self) -> None:
        """Raises ValueError where these do not go together."""
        SigningSettings.__post_init__(self)
        if faults := list(access_faults(self.redis_access, *REDIS_VARIABLES)):
            raise ValueError("\n".join(faults))

    @property
    def redis_access(self) -> RedisAccess:
        """What a client is made of."""
        return RedisAccess(self.redis, self.redis_password_file, self.redis_ca_file)
