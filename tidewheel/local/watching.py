"""`tidewheel watch`: the live view of a system that runs elsewhere. Starts and changes nothing."""

import os
import time
from pathlib import Path

from confluent_kafka import KafkaException

from tidewheel.domain.windows import Windowing
from tidewheel.local.children.readiness import Readiness
from tidewheel.local.children.signals import Impatient, Interrupts, caught
from tidewheel.local.clock import steady_s, wall_ns
from tidewheel.local.display import display, standard_error_in
from tidewheel.local.monitoring.monitor import Addresses, Monitor
from tidewheel.local.monitoring.probe import ServedLog
from tidewheel.local.servers.own import check_given_redis
from tidewheel.local.system import FRAME_EVERY_S, file_log
from tidewheel.local.view.picture import Part
from tidewheel.runtime.process import EXIT_OK, Unusable

REDIS_EVERY_S = 2.0


def watch(addresses: Addresses, instrument: str | None, windowing: Windowing | None) -> int:
    """Show the system until Ctrl-C. Raises Unusable where no broker answers."""
    with caught() as interrupts, standard_error_in(Path(os.devnull)):
        monitor = Monitor(
            addresses, ServedLog(None), file_log(Path(os.devnull)), instrument=instrument, windowing=windowing
        )
        try:
            monitor.start()
            _show(monitor, addresses, interrupts)
        except KafkaException as failure:
            raise Unusable(f"Kafka at {addresses.kafka} cannot be watched: {failure.args[0].str()}") from failure
        except (Impatient, BrokenPipeError):
            pass
        finally:
            monitor.close()
    return EXIT_OK


def _show(monitor: Monitor, addresses: Addresses, interrupts: Interrupts) -> None:
    shown = display(wall_ns())
    started_s = steady_s()
    footer = f" Ctrl-C ends the view only. predictor {addresses.predictor}  kafka {addresses.kafka}"
    answers = Readiness({"redis": lambda: _redis_answer(addresses.redis)}, every_s=REDIS_EVERY_S)
    answers.forget("redis")
    answers.background.start()
    try:
        while not interrupts.asked:
            monitor.check()
            now_s = steady_s()
            monitor.sample(now_s)
            title = monitor.name() or "no instrument yet"
            picture = monitor.picture(title, footer, now_s - started_s, _parts(monitor, answers), shown.news())
            shown.show(picture, monitor.lock)
            time.sleep(FRAME_EVERY_S)
    finally:
        shown.close()
        answers.background.close()


def _parts(monitor: Monitor, answers: Readiness) -> list[Part]:
    """What can be seen from outside."""
    predictor = "ready" if monitor.probe.recent and not monitor.probe.trouble else "no answer yet"
    return [
        Part("kafka", "ready" if monitor.progress.rounds else "no answer yet"),
        Part("redis", "ready" if answers.is_ready("redis") else "no answer yet"),
        Part("predictor", predictor),
    ]


def _redis_answer(url: str) -> tuple[bool, str]:
    try:
        check_given_redis(url)
    except Unusable as failure:
        return False, str(failure)
    return True, "ready"
