"""What the children say when they are asked, by made answers."""

from http.server import BaseHTTPRequestHandler

from tests.http_server import serving
from tidewheel.local.processes.health_poller import LIVE_EVERY_S, NO_ANSWER, HealthPoller, http_check
from tidewheel.local.processes.subprocesses import free_port


class Rig:
    """A child whose answers and whose clock the test holds."""

    def __init__(self) -> None:
        self.ready = (False, "starting")
        self.live = True
        self.now_s = 100.0
        self.asked = 0
        self.readiness = HealthPoller({"x": self._ready}, {"x": lambda: (self.live, "")}, clock=lambda: self.now_s)

    def _ready(self) -> tuple[bool, str]:
        self.asked += 1
        return self.ready

    def ask(self, after_s: float = LIVE_EVERY_S) -> None:
        self.now_s += after_s
        self.readiness.poll_all()


def test_a_child_that_was_not_started_is_not_asked() -> None:
    rig = Rig()
    rig.ask()
    assert rig.asked == 0
    assert not rig.readiness.is_ready("x")
    assert rig.readiness.stalled_s("x") == 0.0


def test_the_last_answer_holds_until_the_next_start() -> None:
    rig = Rig()
    rig.readiness.reset("x")
    rig.ask()
    assert rig.readiness.status("x") == (False, "starting")
    rig.ready = (True, "ready")
    rig.ask()
    assert rig.readiness.is_ready("x")
    rig.readiness.reset("x")
    assert rig.readiness.status("x") == (False, "")


def test_how_long_a_child_stands_still() -> None:
    rig = Rig()
    rig.readiness.reset("x")
    rig.ask()
    rig.live = False
    rig.ask()
    rig.ask(3.0)
    assert rig.readiness.stalled_s("x") == 3.0
    rig.live = True
    rig.ask()
    assert rig.readiness.stalled_s("x") == 0.0


def test_silence_while_it_starts_is_forgiven_when_it_is_ready() -> None:
    rig = Rig()
    rig.readiness.reset("x")
    rig.live = False
    rig.ask()
    rig.ask(30.0)
    assert rig.readiness.stalled_s("x") == 30.0
    rig.ready = (True, "ready")
    rig.ask(0.1)
    assert rig.readiness.stalled_s("x") == 0.0


def test_a_new_start_does_not_stand_still() -> None:
    rig = Rig()
    rig.readiness.reset("x")
    rig.live = False
    rig.ask()
    rig.ask()
    rig.readiness.reset("x")
    assert rig.readiness.stalled_s("x") == 0.0


def test_a_real_answer() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/ready" else 503)
            self.end_headers()
            self.wfile.write(b"said so\n")

    with serving(Handler) as url:
        port = int(url.rpartition(":")[2])
        assert http_check(port, "/ready")() == (True, "said so")
        assert http_check(port, "/live")() == (False, "said so")
    assert http_check(free_port(), "/ready")() == (False, NO_ANSWER)
