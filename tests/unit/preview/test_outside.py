"""What is not there is said in a sentence."""

import pytest

from preview.drawing import program
from preview.errors import PreviewError


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(PreviewError, match="Chromium must be on PATH as no-such-browser or nor-this"):
        program(("no-such-browser", "nor-this"), "Chromium")
