"""What stands for processes of a run."""

import psutil


class Process:
    """Remembers what was done to it, by psutil's rule: one that it has seen gone is signalled by its bare number, be
    that another's by now."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.running = True
        self._seen_gone = False

    def is_running(self) -> bool:
        self._seen_gone |= not self.running
        return self.running

    def status(self) -> str:
        return psutil.STATUS_RUNNING

    def _get(self, word: str) -> None:
        if self._seen_gone:
            self.done.append(f"{word} to a stranger")
            return
        if not self.running:
            raise psutil.NoSuchProcess(1)
        self.done.append(word)

    def kill(self) -> None:
        self._get("kill")
        self.running = False

    def terminate(self) -> None:
        self._get("terminate")

    def suspend(self) -> None:
        self._get("suspend")

    def resume(self) -> None:
        self._get("resume")
