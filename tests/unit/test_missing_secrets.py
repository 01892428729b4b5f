"""A secret that is missing ends a service, and a command, with code 2 and one line that says which and where."""

from importlib import import_module
from pathlib import Path

import pytest

from tidewheel.cli.main import main

SERVICES = ("ingest", "orderbot", "labeler", "trainer", "predictor")
KAFKA_USER = {"TIDEWHEEL_KAFKA_SECURITY": "sasl_plaintext", "TIDEWHEEL_KAFKA_USERNAME": "someone"}
OF_REGISTRY = ("TIDEWHEEL_REDIS_PASSWORD_FILE", "TIDEWHEEL_HMAC_KEY_FILE")
CASES = [
    *((service, "TIDEWHEEL_KAFKA_PASSWORD_FILE", KAFKA_USER) for service in SERVICES),
    *((service, name, {}) for service in ("trainer", "predictor") for name in OF_REGISTRY),
]


@pytest.mark.parametrize("content", [None, "", "two\nlines\n"])
@pytest.mark.parametrize(("service", "variable", "more"), CASES)
def test_a_service(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    content: str | None,
    service: str,
    variable: str,
    more: dict[str, str],
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content)
    for name, value in {**more, variable: str(path)}.items():
        monkeypatch.setenv(name, value)
    assert import_module(f"services.{service}.__main__").main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tidewheel {service}: {variable}: the file {path} ")


@pytest.mark.parametrize(
    ("command", "variable", "more"),
    [
        (("topics", "check"), "TIDEWHEEL_KAFKA_PASSWORD_FILE", KAFKA_USER),
        (("export", "orders", "--out", "x.csv"), "TIDEWHEEL_KAFKA_PASSWORD_FILE", KAFKA_USER),
        (("models", "list"), "TIDEWHEEL_REDIS_PASSWORD_FILE", {}),
        (("models", "list"), "TIDEWHEEL_HMAC_KEY_FILE", {}),
    ],
)
def test_a_command(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: tuple[str, ...],
    variable: str,
    more: dict[str, str],
) -> None:
    for name, value in {**more, variable: str(tmp_path / "missing")}.items():
        monkeypatch.setenv(name, value)
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{variable}: the file {tmp_path / 'missing'} cannot be read" in line
