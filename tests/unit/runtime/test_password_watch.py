"""The order bot begins anew when its password is another one."""

from pathlib import Path

import pytest

from tidewheel.runtime.kafka_access import KafkaAccess, KafkaSecurity
from tidewheel.runtime.password_watch import CHECK_EVERY_S, PasswordWatch
from tidewheel.runtime.process import FatalError


def test_it_ends_once_another_password_lies_there(tmp_path: Path) -> None:
    path, now_s = tmp_path / "password", [0.0]
    path.write_text("first")
    access = KafkaAccess("there:9092", KafkaSecurity.SASL_PLAINTEXT, "orderbot", str(path))
    watch = PasswordWatch(access, lambda: now_s[0])
    path.unlink()
    now_s[0] += CHECK_EVERY_S
    watch.check()  # half replaced
    path.write_text("second")
    watch.check()  # not looked at yet
    now_s[0] += CHECK_EVERY_S
    with pytest.raises(FatalError, match="has changed: stopping, to be started with the new one"):
        watch.check()


def test_without_a_password_there_is_nothing_to_watch() -> None:
    watched = PasswordWatch(KafkaAccess("there:9092"), lambda: 0.0)
    watched.check()
    assert not KafkaAccess("there:9092").has_sasl
