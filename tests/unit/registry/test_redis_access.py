"""How the registry's Redis is opened: which settings go together."""

from pathlib import Path

import pytest

from tests.certificates import Authority
from tidewheel.registry.client import connect
from tidewheel.registry.redis_access import RedisAccess
from tidewheel.registry.settings import RegistrySettings
from tidewheel.runtime.settings import SettingsError, described, load


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    (tmp_path / "password").write_text("opens\n")
    return str(tmp_path / "password")


def loaded(**given: str) -> RegistrySettings:
    return load(RegistrySettings, {f"TIDEWHEEL_{name}": value for name, value in given.items()})


def test_what_does_not_go_together(password_file: str, tmp_path: Path) -> None:
    for url in ("redis://user:word@there", "redis://there?password=word"):
        with pytest.raises(SettingsError, match="TIDEWHEEL_REDIS holds a password, and TIDEWHEEL_REDIS_PASSWORD_FILE"):
            loaded(REDIS=url, REDIS_PASSWORD_FILE=password_file)
    authority = str(Authority(tmp_path, "authority").certificate)
    with pytest.raises(SettingsError, match="TIDEWHEEL_REDIS_CA_FILE is set, and TIDEWHEEL_REDIS is not rediss://"):
        loaded(REDIS="redis://there", REDIS_CA_FILE=authority)
    with pytest.raises(SettingsError, match="TIDEWHEEL_HMAC_KEY and TIDEWHEEL_HMAC_KEY_FILE are both set"):
        loaded(HMAC_KEY="word", HMAC_KEY_FILE=password_file)
    with pytest.raises(SettingsError, match=r"TIDEWHEEL_HMAC_KEY_FILE: the file .*missing cannot be read"):
        loaded(HMAC_KEY_FILE=str(tmp_path / "missing"))


def test_the_key_comes_from_either() -> None:
    assert loaded().signing_key is None
    assert loaded(HMAC_KEY="word").signing_key == b"word"


def test_the_key_comes_from_its_file(password_file: str) -> None:
    assert loaded(HMAC_KEY_FILE=password_file).signing_key == b"opens"


def test_a_client_asks_for_the_password_at_each_connection(password_file: str) -> None:
    client = connect(RedisAccess("redis://trainer@there:6380/0", password_file))
    provider = client.connection_pool.connection_kwargs["credential_provider"]
    assert provider.get_credentials() == ("trainer", "opens")
    Path(password_file).write_text("newer")
    assert provider.get_credentials() == ("trainer", "newer")
    without = connect(RedisAccess("redis://there", password_file)).connection_pool.connection_kwargs
    assert without["credential_provider"].get_credentials() == ("newer",)


def test_nothing_that_is_shown_holds_the_password(password_file: str) -> None:
    settings = loaded(REDIS="redis://trainer@there", REDIS_PASSWORD_FILE=password_file)
    assert "opens" not in described(settings) + repr(settings)
    assert str(RedisAccess("redis://trainer:word@there")) == "redis://trainer:***@there"
