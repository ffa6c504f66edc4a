"""Data parallel: copies of a model in processes of their own, each with its GPUs, that share out the draws.

vLLM's offline `LLM` does not do this by itself. A copy sees only its GPUs, by CUDA_VISIBLE_DEVICES.
A sample has its own seed, so which copy draws it does not matter.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from ttclib.collect.checkpoints import load_failure
from ttclib.collect.engines.tokens import Tokens
from ttclib.collect.engines.types import Completion, Draw, Engine
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError

Load = Callable[[PolicyConfig, PromptConfig], Engine]


class Replicas(Tokens):
    """As many engines as `policy.data_parallel_size`.

    Parameters
    ----------
    path : str
        Directory or hub id.
    load : callable
        Loads one copy, in its process: `ttclib.collect.engines.loading.load_engine`.

    Raises
    ------
    RequestError, TTCError
        What a copy raises when it loads.
    """

    def __init__(self, path: str, policy: PolicyConfig, prompt: PromptConfig, load: Load) -> None:
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(path, revision=policy.revision)
        except ImportError:
            raise
        except Exception as error:  # of a damaged file each library raises its own
            raise load_failure("policy", path, error) from error
        super().__init__(tokenizer, prompt)
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        self._copies: list[tuple[Any, Connection]] = []
        alone = policy.model_copy(update={"data_parallel_size": 1})
        for devices in share_devices(policy, os.environ.get("CUDA_VISIBLE_DEVICES")):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, load, alone, prompt, devices), daemon=False)
            process.start()
            theirs.close()
            self._copies.append((process, ours))
        try:
            facts = [_receive(pipe) for _, pipe in self._copies]
        except BaseException:
            self.close()
            raise
        self._facts, self.window = facts[0]

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""
        return dict(self._facts)

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        """One completion for each draw, in order."""
        # Neighbours share their prompt: blocks, so that each copy computes few prompts.
        n = len(self._copies)
        bounds = [len(draws) * copy // n for copy in range(n + 1)]
        for (_, pipe), begin, end in zip(self._copies, bounds, bounds[1:], strict=False):
            _send(pipe, (list(draws[begin:end]), sampling))
        drawn = [_receive(pipe) for _, pipe in self._copies]
        return [completion for part in drawn for completion in part]

    def close(self) -> None:
        """End the copies."""
        for process, pipe in self._copies:
            with suppress(OSError):
                pipe.close()
            process.join(timeout=10)
            if process.is_alive():
                process.kill()
                process.join()
        self._copies = []

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()


def share_devices(policy: PolicyConfig, visible: str | None) -> list[str | None]:
    """CUDA_VISIBLE_DEVICES of each copy.

    Parameters
    ----------
    visible : str or None
        What this process sees; None: all, numbered from 0.

    Raises
    ------
    RequestError
        Fewer are visible than the copies need.

    Examples
    --------
    >>> policy = PolicyConfig(name="m", path="m", data_parallel_size=2, tensor_parallel_size=2)
    >>> share_devices(policy, None), share_devices(policy, "4,5,6,7")
    (['0,1', '2,3'], ['4,5', '6,7'])
    """
    each = (policy.tensor_parallel_size or 1) * (policy.pipeline_parallel_size or 1)
    n = policy.data_parallel_size
    if visible == "":  # none, on purpose: everything runs on the CPU
        return [""] * n
    names = [str(number) for number in range(n * each)] if visible is None else visible.split(",")
    if len(names) < n * each:
        raise RequestError(
            f"data_parallel_size {n} with {each} GPUs a copy needs {n * each}, but CUDA_VISIBLE_DEVICES is "
            f"'{visible}': set policy.data_parallel_size to at most {len(names) // each}"
        )
    return [",".join(names[copy * each : (copy + 1) * each]) for copy in range(n)]


def _serve(pipe: Connection, load: Load, policy: PolicyConfig, prompt: PromptConfig, devices: str | None) -> None:
    if devices is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices
    try:
        engine = load(policy, prompt)
        pipe.send((engine.model_facts(), engine.window))
        while True:
            draws, sampling = pipe.recv()
            pipe.send(engine.generate(draws, sampling) if draws else [])
    except (EOFError, KeyboardInterrupt):  # the other side is gone, or wants us to go
        return
    except Exception as error:
        own = type(error) in (RequestError, TTCError)
        with suppress(OSError):  # nobody listens any more
            pipe.send(error if own else TTCError(f"a copy of the model failed: {type(error).__name__}: {error}"))


def _send(pipe: Connection, asked: Any) -> None:
    try:
        pipe.send(asked)
    except OSError:
        raise _ended() from None


def _receive(pipe: Connection) -> Any:
    try:
        answer = pipe.recv()
    except (EOFError, OSError):  # the end of the file, or a reset where the copy had not read what was sent
        raise _ended() from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _ended() -> TTCError:
    return TTCError("a copy of the model ended without a word: see its lines above")
