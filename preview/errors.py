"""What keeps a preview from being drawn."""

from tidewheel.domain.errors import TidewheelError


class PreviewError(TidewheelError):
    """There is no picture; the message says why in a sentence."""
