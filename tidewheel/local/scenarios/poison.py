"""A pointer in Redis as somebody else might write it: it names a checksum that no model has."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidewheel.local.scenarios.going_run import GoingRun
from tidewheel.registry import keys
from tidewheel.registry.client import RegistryUnavailableError, address_of, connect, translating_errors
from tidewheel.runtime.process import FatalError

FIELD = "sha256"
NO_MODELS = "0" * 64
# Only while the pointer is the one that was poisoned: a new model's is left as it is.
PUT_BACK = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return 1 + redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
"""


@contextmanager
def poisoned(run: GoingRun, print_line: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """The pointer to the serving model is poisoned, and again where a new model has replaced it. Raises FatalError."""
    try:
        client = connect(run.redis)
    except ValueError:
        raise FatalError("the run does not say where its Redis listens") from None
    key, address = keys.pointer(run.instrument, keys.CURRENT), address_of(run.redis)
    good = b""

    def poison() -> None:
        nonlocal good
        with translating_errors(address):
            found = client.hget(key, FIELD)
            if found is None:
                raise FatalError(f"no model of {run.instrument} serves yet: try again when one does")
            if found != NO_MODELS.encode():
                good = found if isinstance(found, bytes) else found.encode()
                client.hset(key, FIELD, NO_MODELS)

    try:
        poison()
        yield poison
    except RegistryUnavailableError as failure:
        raise FatalError(str(failure)) from failure
    finally:
        try:
            with translating_errors(address):
                put_back = good and client.eval(PUT_BACK, 1, key, FIELD, NO_MODELS, good)
        finally:
            client.close()
        print_line("the pointer is put back" if put_back else "a new model's pointer has replaced the poisoned one")
