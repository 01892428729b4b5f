"""A file that holds a secret, and what else may lie in its place."""

from pathlib import Path

import pytest

from tidewheel.runtime.secret_files import SECRET_BYTES_MAX, SecretFileError, read_secret


@pytest.mark.parametrize("content", [b"opens", b"opens\n", b"opens\r\n"])
def test_the_one_line_without_its_end(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    assert read_secret(str(tmp_path / "secret")) == "opens"


def test_blanks_are_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" two words ")
    assert read_secret(str(tmp_path / "secret")) == " two words "


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hidden\nsecond\n", "has more than one line"),
        (b"hidden\xff", "holds no text"),
        (b"hidden" * SECRET_BYTES_MAX, "is too long"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_none_is_refused_by_its_name_alone(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SecretFileError, match=words) as refused:
        read_secret(str(path))
    assert str(path) in str(refused.value)
    assert "hidden" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(SecretFileError, match="cannot be read"):
        read_secret(str(tmp_path))
