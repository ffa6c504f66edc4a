"""Workers on other machines, by Ray: each holds the models, and is given batches of draws or of solutions to read.

Actors, not Ray Data: a round of a search needs the answers of the round before, models stay loaded from batch to
batch, and what comes is to be written at once, whatever becomes of the rest. This process alone reads and writes the
store, so the workers need no common file system, and what a sample is called does not depend on who drew it. A worker
that dies loses the batch that it was at: another, in its place, draws it again, from the same seeds.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ttclib.collect.checkpoints import first_line, resolve_model
from ttclib.collect.engines.losses import Batch, Cell, Drawn
from ttclib.collect.engines.tokens import Tokens
from ttclib.collect.engines.types import Completion, Draw
from ttclib.config import PolicyConfig, PrmConfig, PromptConfig, RunConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError, needing

Notify = Callable[[str], None]
Call = tuple[str, tuple[Any, ...]]  # method of a worker, arguments
_MOST_DEATHS = 8  # of workers one after the other, none of which did anything: it is no accident
_AHEAD = 2  # batches that are out for each worker: one is drawn while the other waits
_TELL_AFTER_S = 30.0
_ATTEMPTS = 3  # to begin a cluster here


class Worker:
    """What runs on the other machines. Models are loaded at their first use and stay."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[Any, Any]] = {}  # what it was made from, and itself

    def ready(self) -> tuple[bool, Any, float]:
        """That it has begun."""
        return True, os.getpid(), 0.0

    def facts(self, policy: PolicyConfig, prompt: PromptConfig) -> tuple[bool, Any, float]:
        """A policy's facts and its window."""
        return _told(lambda: (self._policy(policy, prompt).model_facts(), self._policy(policy, prompt).window))

    def draw(
        self, policy: PolicyConfig, prompt: PromptConfig, draws: Sequence[Draw], sampling: SamplingConfig
    ) -> tuple[bool, Any, float]:
        """Completions."""
        return _told(lambda: self._policy(policy, prompt).generate(draws, sampling))

    def read(self, prm: PrmConfig, solutions: Sequence[Any]) -> tuple[bool, Any, float]:
        """Scores."""
        return _told(lambda: self._verifier(prm).score(solutions))

    def unload(self) -> tuple[bool, Any, float]:
        """Make room for the next model."""
        from ttclib.collect.engines.loading import close_engine

        for _, model in self._models.values():
            close_engine(model)
        self._models.clear()
        return True, None, 0.0

    def _policy(self, policy: PolicyConfig, prompt: PromptConfig) -> Any:
        from ttclib.collect.engines.loading import load_engine

        return self._loaded("policy", (policy, prompt), lambda: load_engine(policy, prompt))

    def _verifier(self, prm: PrmConfig) -> Any:
        from ttclib.collect.engines.loading import load_verifier

        return self._loaded("verifier", prm, lambda: load_verifier(prm))

    def _loaded(self, kind: str, asked: Any, load: Callable[[], Any]) -> Any:
        if kind not in self._models or self._models[kind][0] != asked:
            self._models[kind] = asked, load()
        return self._models[kind][1]


def _told(work: Callable[[], Any]) -> tuple[bool, Any, float]:
    """What came of work and the seconds it took; errors of ours as they are, others as a line."""
    began = time.monotonic()
    try:
        return True, work(), time.monotonic() - began
    except Exception as error:
        kind = RequestError if isinstance(error, RequestError) else TTCError
        text = str(error) if isinstance(error, TTCError) else f"a worker failed: {type(error).__name__}: {error}"
        return False, (kind, text), time.monotonic() - began


class Cluster:
    """The workers; a context manager that ends them.

    Parameters
    ----------
    address : str
        ``ray``: the cluster that ``RAY_ADDRESS`` or this machine knows, else one that is begun here;
        ``ray://HOST:PORT``: one elsewhere.
    workers : int, optional
        By default as many as there is room for: one for each GPU (or group of GPUs that a model needs), else CPU.
    config : RunConfig
        Says what a worker needs.

    Raises
    ------
    RequestError
        Ray is not installed, or the address is none; where it is first used: nobody answers there.
    """

    def __init__(self, address: str, workers: int | None, config: RunConfig, notify: Notify) -> None:
        if workers is not None and workers < 1:
            raise RequestError(f"--workers {workers}: give 1 or more")
        if address != "ray" and not address.startswith("ray://"):
            raise RequestError(f"--on {address}: give ray, or ray://HOST:PORT of a running cluster's head")
        with needing("a Ray cluster", "ray"):
            if find_spec("ray") is None:
                raise ImportError(name="ray")
        self._address, self._policy, self._notify = address, config.policy, notify
        self.n_workers = workers or 0  # 0: as soon as it is known what there is
        self._ray: Any = None
        self._remote: Any = None
        self._running: dict[Any, tuple[Any, int]] = {}  # what is awaited: its worker, and the call's number, or -1
        self._calls: dict[int, Call] = {}
        self._waiting: deque[int] = deque()
        self._idle: list[Any] = []
        self._n_calls = self._n_deaths = 0

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in [*self._idle, *(worker for worker, _ in self._running.values())]:
            with suppress(Exception):
                self._ray.kill(worker)
        with suppress(Exception):
            self._ray.shutdown()
        self._running, self._idle = {}, []

    def engine(self, policy: PolicyConfig, prompt: PromptConfig) -> RemoteEngine:
        """The policy on all workers.

        Raises
        ------
        RequestError
            What a worker says when it loads.
        """
        self._begin()
        return RemoteEngine(self, _placed(policy), prompt)

    def verifier(self, prm: PrmConfig) -> Any:
        """The reward model on all workers.

        Raises
        ------
        RequestError
        """
        self._begin()
        return RemoteVerifier(self, _placed(prm))

    def submit(self, method: str, *arguments: Any) -> int:
        """Have some worker do something; its number."""
        self._n_calls += 1
        self._calls[self._n_calls] = method, arguments
        self._waiting.append(self._n_calls)
        self._dispatch()
        return self._n_calls

    def next_done(self) -> tuple[int, Any, float]:
        """The number of a call that is done, what came of it, and the seconds that it took.

        Raises
        ------
        RequestError, TTCError
            What the worker raised; or worker after worker died.
        """
        began, told = time.monotonic(), False
        while True:
            self._dispatch()
            done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_TELL_AFTER_S)
            if not done:
                is_placed = self._idle or any(number >= 0 for _, number in self._running.values())
                if not is_placed and not told and time.monotonic() - began >= _TELL_AFTER_S:
                    self._notify("ray: waiting for the cluster to give a worker")
                    told = True
                continue
            worker, number = self._running.pop(done[0])
            try:
                is_well, value, elapsed_s = self._ray.get(done[0])
            except self._ray.exceptions.RayError as error:
                self._replace(worker, number, error)
                continue
            self._idle.append(worker)
            if number < 0:
                continue
            self._n_deaths = 0
            del self._calls[number]
            self._dispatch()
            if not is_well:
                kind, text = value
                raise kind(text)
            return number, value, elapsed_s

    def map(self, calls: Sequence[Call]) -> list[Any]:
        """What comes of calls, in their order."""
        numbers = [self.submit(method, *arguments) for method, arguments in calls]
        found: dict[int, Any] = {}
        while len(found) < len(numbers):
            number, value, _ = self.next_done()
            if number in numbers:  # not of what was broken off
                found[number] = value
        return [found[number] for number in numbers]

    def unload(self) -> None:
        """Have the workers that are idle make room for another model."""
        self._ray.wait([worker.unload.remote() for worker in self._idle] or [self._ray.put(0)], timeout=_TELL_AFTER_S)

    def _begin(self) -> None:
        """Connect, once there is something to do."""
        if self._ray is not None:
            return
        self._ray = _connect(self._address, self.n_workers)
        total, policy = self._ray.cluster_resources(), self._policy
        on_gpus = policy.engine == "vllm" or policy.device is None or policy.device.startswith("cuda")
        each = (policy.tensor_parallel_size or 1) * (policy.pipeline_parallel_size or 1)
        gpus = each if on_gpus and total.get("GPU", 0) >= each else 0
        room = int(total.get("GPU", 0) // gpus if gpus else total.get("CPU", 1))
        self.n_workers = self.n_workers or max(1, room)
        more = f", of which the cluster has room for {room:,} now" if self.n_workers > room else ""
        self._notify(f"ray: {self.n_workers:,} workers{f' with {gpus} GPUs each' if gpus else ''}{more}")
        self._remote = self._ray.remote(Worker).options(num_cpus=1, num_gpus=gpus, max_restarts=0, max_task_retries=0)
        for _ in range(self.n_workers):
            self._begin_worker()

    def _begin_worker(self) -> None:
        worker = self._remote.remote()
        self._running[worker.ready.remote()] = worker, -1

    def _dispatch(self) -> None:
        while self._waiting and self._idle:
            worker, number = self._idle.pop(), self._waiting.popleft()
            method, arguments = self._calls[number]
            self._running[getattr(worker, method).remote(*arguments)] = worker, number

    def _replace(self, worker: Any, number: int, error: Exception) -> None:
        """Begin another worker in the place of one that died, and give its call to the next that is free."""
        self._n_deaths += 1
        with suppress(Exception):
            self._ray.kill(worker)
        if self._n_deaths >= _MOST_DEATHS + self.n_workers:
            what = str(error).strip().splitlines()[0]
            raise TTCError(f"{self._n_deaths} workers died one after the other and did nothing: {what}")
        if number >= 0:
            self._waiting.appendleft(number)
            self._notify("ray: a worker died; another does its batch again")
        self._begin_worker()


class RemoteEngine(Tokens):
    """An engine whose draws are shared out to a cluster's workers."""

    def __init__(self, cluster: Cluster, policy: PolicyConfig, prompt: PromptConfig) -> None:
        from transformers import AutoTokenizer

        path = resolve_model(policy.path)
        super().__init__(AutoTokenizer.from_pretrained(path, revision=policy.revision), prompt)
        self._cluster, self._policy, self._prompt = cluster, policy, prompt
        self.n_side_by_side = cluster.n_workers
        ((self._facts, self.window),) = cluster.map([("facts", (policy, prompt))])

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""
        return dict(self._facts)

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        """One completion for each draw, in order: blocks of neighbours, which share their prefixes."""
        each = max(1, min(self._policy.batch_size, -(-len(draws) // self.n_side_by_side)))
        blocks = [draws[begin : begin + each] for begin in range(0, len(draws), each)]
        drawn = self._cluster.map([("draw", self._call(block, sampling)) for block in blocks])
        return [completion for block in drawn for completion in block]

    def draw_batches(
        self, next_batch: Callable[[bool], Batch[Cell]], sampling: SamplingConfig
    ) -> Iterator[Drawn[Cell]]:
        """Batches as they are done, so many at once that no worker waits."""
        out: dict[int, Batch[Cell]] = {}
        while True:
            while len(out) < _AHEAD * self.n_side_by_side:
                cells, draws = next_batch(not out)
                if not cells:
                    break
                out[self._cluster.submit("draw", *self._call(draws, sampling))] = cells, draws
            if not out:
                return
            number, drawn, elapsed_s = self._cluster.next_done()
            if number in out:  # not of what was broken off
                yield (*out.pop(number), drawn, None, elapsed_s)

    def close(self) -> None:
        """Have the workers give the model back."""
        self._cluster.unload()

    def _call(self, draws: Sequence[Draw], sampling: SamplingConfig) -> tuple[Any, ...]:
        return self._policy, self._prompt, list(draws), sampling


class RemoteVerifier:
    """A reward model whose solutions are read by a cluster's workers; here is all of it but its weights."""

    def __init__(self, cluster: Cluster, prm: PrmConfig) -> None:
        from ttclib.collect.verifiers import load_prm

        self._cluster, self._prm = cluster, prm
        self._shape = load_prm(prm, weights=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shape, name)

    def score(self, solutions: Sequence[Any]) -> list[Any]:
        """Scores of solutions given as `encode` makes them, in order: blocks of neighbours, which begin alike."""
        each = max(1, -(-len(solutions) // (_AHEAD * self._cluster.n_workers)))
        blocks = [solutions[begin : begin + each] for begin in range(0, len(solutions), each)]
        found = self._cluster.map([("read", (self._prm, list(block))) for block in blocks])
        return [scores for block in found for scores in block]


def _placed(model: Any) -> Any:
    """A model that lies in a folder by its whole path: a worker may have begun in another."""
    resolve_model(model.path)
    is_folder = not model.path.startswith("lab:") and Path(model.path).is_dir()
    changes: dict[str, Any] = {"path": str(Path(model.path).resolve())} if is_folder else {}
    if isinstance(model, PolicyConfig):
        changes |= {"data_parallel_size": 1}  # the workers are the copies
    return model.model_copy(update=changes)


def _connect(address: str, n_workers: int) -> Any:
    """Ray, connected."""
    # Ray asks for this beforehand, and would warn otherwise; it also tells its makers who uses it.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with needing("a Ray cluster", "ray"):
        import ray
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == "ray" and os.environ.get("RAY_ADDRESS", "").startswith("ray://"):
        address = os.environ["RAY_ADDRESS"]
    before = signal.getsignal(signal.SIGTERM)
    try:
        if address == "ray":
            _find_or_begin(ray, max(n_workers, os.cpu_count() or 1), options)
        else:
            ray.init(address=address, **options)
    except ImportError:
        with needing("a Ray cluster", "ray"):
            raise
    except Exception as error:  # some of Ray's are no more than that
        where = os.environ.get("RAY_ADDRESS", address) if address == "ray" else address
        raise RequestError(
            f"no Ray cluster answers at '{where}' ({first_line(error):.200}): start one with `ray start --head`, "
            "with the same versions of Ray and Python as here, or set RAY_ADDRESS=local to begin one"
        ) from error
    finally:
        with suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, before)  # a batch system's word ends us as Ctrl-C does
    return ray


def _find_or_begin(ray: Any, n_cpus: int, options: dict[str, Any]) -> None:
    """Connect to the cluster of RAY_ADDRESS or of `ray start`, or begin one that ends with this process."""
    for attempt in range(_ATTEMPTS):
        try:
            try:
                ray.init(num_cpus=n_cpus, include_dashboard=False, **options)
            except ValueError:  # there is one, which has its own number of CPUs
                ray.init(**options)
            return
        except Exception as error:
            # Where the machine is very busy, its processes may not find each other in time: a mere Exception.
            # What is of another kind comes of a cluster that is named and does not answer.
            if type(error) is not Exception or attempt == _ATTEMPTS - 1:
                raise
            ray.shutdown()
