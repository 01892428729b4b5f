"""How a Kafka is opened: which settings go together, and what its clients are told."""

from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tidewheel.runtime.kafka import client, consumer_config
from tidewheel.runtime.kafka_refusals import ERROR_CB, RefusalListener
from tidewheel.runtime.kafka_settings import KafkaSettings
from tidewheel.runtime.settings import SettingsError, described, load


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Name -> path of files that can be used."""
    password = tmp_path / "password"
    password.write_text("opens\n")
    authority = Authority(tmp_path, "authority")
    chain, key = authority.issue("labeler")
    return {
        "password": str(password),
        "ca": str(authority.certificate),
        "certificate": str(chain),
        "key": str(key),
        "rubbish": str(password),
        "missing": str(tmp_path / "missing"),
    }


def loaded(files: dict[str, str], **given: str) -> KafkaSettings:
    """Values in braces are names of files."""
    environ = {f"TIDEWHEEL_KAFKA_{name.upper()}": value.format(**files) for name, value in given.items()}
    return load(KafkaSettings, environ)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"security": "tsl"}, "TIDEWHEEL_KAFKA_SECURITY: 'tsl' must be one of plaintext, tls, sasl_plaintext"),
        ({"security": "sasl_tls", "password_file": "{password}"}, "TIDEWHEEL_KAFKA_USERNAME is not set, and"),
        ({"security": "sasl_plaintext", "username": "labeler"}, "TIDEWHEEL_KAFKA_PASSWORD_FILE is not set, and"),
        ({"username": "labeler"}, "TIDEWHEEL_KAFKA_USERNAME is set, and TIDEWHEEL_KAFKA_SECURITY=plaintext uses none"),
        ({"security": "tls", "password_file": "{password}"}, "TIDEWHEEL_KAFKA_PASSWORD_FILE is set, and"),
        ({"ca_file": "{ca}"}, "TIDEWHEEL_KAFKA_CA_FILE is set, and TIDEWHEEL_KAFKA_SECURITY=plaintext uses none"),
        (
            {"security": "tls", "certificate_file": "{certificate}"},
            "TIDEWHEEL_KAFKA_CERTIFICATE_FILE and TIDEWHEEL_KAFKA_KEY_FILE belong together",
        ),
        ({"security": "tls", "key_file": "{key}"}, "belong together: set both or neither"),
        ({"security": "tls", "ca_file": "{rubbish}"}, "holds no certificate that can be used"),
        (
            {"security": "tls", "certificate_file": "{rubbish}", "key_file": "{key}"},
            "are no certificate with its key",
        ),
        ({"security": "tls", "ca_file": "{missing}"}, "TIDEWHEEL_KAFKA_CA_FILE: the file .*missing cannot be read"),
        (
            {"security": "sasl_tls", "username": "u", "password_file": "{missing}"},
            "TIDEWHEEL_KAFKA_PASSWORD_FILE: the file .*missing cannot be read: No such file",
        ),
        ({"mechanism": "GSSAPI"}, "TIDEWHEEL_KAFKA_MECHANISM: 'GSSAPI' must be one of SCRAM-SHA-512"),
    ],
)
def test_what_does_not_go_together(files: dict[str, str], given: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError, match=fault):
        loaded(files, **given)


def security_of(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name.startswith(("security", "sasl", "ssl"))}


def test_an_open_broker_is_told_nothing_and_nobody_listens(files: dict[str, str]) -> None:
    for broker in ("there:9092", loaded(files).kafka_access):
        config = client(broker, "labeler")
        assert security_of(config) == {}
        assert ERROR_CB not in config


def test_clients_are_told_of_user_and_certificates(files: dict[str, str]) -> None:
    sasl = {"security": "sasl_tls", "username": "labeler", "password_file": "{password}", "ca_file": "{ca}"}
    own = {"certificate_file": "{certificate}", "key_file": "{key}"}
    assert security_of(client(loaded(files, **sasl, **own).kafka_access, "labeler")) == {
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "labeler",
        "sasl.password": "opens",
        "ssl.ca.location": files["ca"],
        "ssl.certificate.location": files["certificate"],
        "ssl.key.location": files["key"],
    }
    assert security_of(client(loaded(files, security="tls").kafka_access, "labeler")) == {"security.protocol": "ssl"}


def test_a_callers_own_listener_hears_errors_too(files: dict[str, str]) -> None:
    access = loaded(files, security="sasl_plaintext", username="u", password_file="{password}").kafka_access
    heard: list[object] = []
    config = consumer_config(access, "predictor", "group", error_cb=heard.append)
    assert isinstance(config[ERROR_CB], RefusalListener)
    assert config[ERROR_CB].next == heard.append
    assert consumer_config("there:9092", "predictor", "group", error_cb=heard.append)[ERROR_CB] == heard.append


def test_nothing_that_is_shown_holds_the_password(files: dict[str, str]) -> None:
    settings = loaded(files, security="sasl_plaintext", username="u", password_file="{password}")
    for shown in (described(settings), repr(settings), repr(settings.kafka_access), str(settings.kafka_access)):
        assert "opens" not in shown
    assert str(settings.kafka_access) == "127.0.0.1:9092"
