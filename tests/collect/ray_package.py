"""A stand-in for the package ray, whose workers are in this process: what is asked of it is noted, and who dies."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class RayError(Exception):
    """As Ray's own."""


class Ray:
    """Ray with its workers in this process: a call is done when it is waited for, the latest first."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self) -> None:
        self.resources: dict[str, float] = {"CPU": 2.0}
        self.inits: list[dict[str, Any]] = []
        self.failures: list[Exception] = []  # of `init`, one after the other
        self.options: dict[str, Any] = {}
        self.workers: list[Any] = []
        self.killed: list[Any] = []
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.deaths: list[str] = []  # methods at which the next worker that does one dies
        self.n_unplaced = 0  # how often nothing is done yet
        self.timeouts: list[float] = []
        self.n_shutdowns = 0

    def init(self, **options: Any) -> None:
        self.inits.append(options)
        if self.failures:
            raise self.failures.pop(0)

    def shutdown(self) -> None:
        self.n_shutdowns += 1

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def remote(self, kind: type) -> Any:
        def begin() -> Any:
            self.workers.append(Handle(self, kind()))
            return self.workers[-1]

        return SimpleNamespace(options=lambda **options: self.options.update(options) or SimpleNamespace(remote=begin))

    def wait(self, calls: list[Any], num_returns: int = 1, timeout: float | None = None) -> tuple[list[Any], list[Any]]:
        self.timeouts.append(timeout or 0.0)
        if self.n_unplaced:
            self.n_unplaced -= 1
            return [], calls
        for call in calls[-num_returns:]:
            call.finish()
        return calls[-num_returns:], calls[:-num_returns]

    def get(self, call: Call) -> Any:
        call.finish()
        if call.error is not None:
            raise call.error
        return call.value

    def put(self, value: Any) -> Any:
        return Call(lambda: value)

    def kill(self, worker: Any) -> None:
        self.killed.append(worker)


class Call:
    """What will come of a call."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self._do: Callable[[], Any] | None = do
        self.value: Any = None
        self.error: Exception | None = None

    def finish(self) -> None:
        """Do it, once."""
        do, self._do = self._do, None
        try:
            self.value = self.value if do is None else do()
        except Exception as error:
            self.error = error


class Handle:
    """A worker as Ray hands it out."""

    def __init__(self, ray: Ray, worker: Any) -> None:
        self._ray, self._worker = ray, worker

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *given: self._call(name, given))

    def _call(self, name: str, given: tuple[Any, ...]) -> Call:
        self._ray.calls.append((name, given))

        def do() -> Any:
            if name in self._ray.deaths:
                self._ray.deaths.remove(name)
                raise RayError("The actor died.\nMore")
            return getattr(self._worker, name)(*given)

        return Call(do)
