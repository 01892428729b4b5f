"""The root of all exceptions of this code base."""


class TidewheelError(Exception):
    """What this code raises of its own is one of these, so that a caller can tell it from what Python, Kafka's client
    or Redis raise. A signal's exception is none: who catches errors must not catch a Ctrl-C."""
