"""Loading a policy into the engine that is configured, and giving it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ttclib.collect.checkpoints import resolve_model
from ttclib.collect.engines.types import Engine, Machines
from ttclib.config import PolicyConfig, PrmConfig, PromptConfig
from ttclib.errors import RequestError, needing

if TYPE_CHECKING:
    from ttclib.collect.engines.chat import ChatEngine
    from ttclib.collect.verifiers import Prm


_HELD: ContextVar[dict[tuple[str, ...], Any] | None] = ContextVar("held", default=None)


@contextmanager
def holding_models() -> Iterator[None]:
    """Keep what is loaded inside until the end: work that turns from drawing to scoring and back loads each once.

    As in a search policy and verifier are in memory together. Inside another the outer one keeps them.
    """
    if _HELD.get() is not None:
        yield
        return
    token = _HELD.set({})
    try:
        yield
    finally:
        held = _HELD.get() or {}
        _HELD.reset(token)
        for one in held.values():
            close_engine(one)


def _held(model: BaseModel, load: Callable[[], Any], *more: BaseModel) -> Any:
    """A model as it is held, loaded where it is not."""
    held = _HELD.get()
    if held is None:
        return load()
    key = tuple(one.model_dump_json() for one in (model, *more))
    if key not in held:
        held[key] = load()
    return held[key]


def load_engine(policy: PolicyConfig, prompt: PromptConfig, on: Machines | None = None) -> Engine:
    """Load the policy into the configured engine, here or on a cluster.

    Raises
    ------
    RequestError
        No such model; the engine's packages or its GPU are not there; no server answers.
    TTCError
        Out of GPU memory.
    """
    refuse_chat(policy, "what is asked for")
    refuse_cluster(policy, on)
    return _held(policy, lambda: _new_engine(policy, prompt, on), prompt)


def _new_engine(policy: PolicyConfig, prompt: PromptConfig, on: Machines | None) -> Engine:
    path = resolve_model(policy.path)
    if on is not None:
        return on.engine(policy, prompt)
    with needing(f"engine '{policy.engine}'", policy.engine):
        if policy.engine == "server":
            from ttclib.collect.engines.server import ServerEngine

            return ServerEngine(path, policy, prompt)
        if policy.data_parallel_size > 1:
            from ttclib.collect.engines.replicas import Replicas

            return Replicas(path, policy, prompt, load_engine)
        if policy.engine == "vllm":
            from ttclib.collect.engines.vllm import VllmEngine

            return VllmEngine(path, policy, prompt)
        from ttclib.collect.engines.transformers import TransformersEngine

        return TransformersEngine(path, policy, prompt)


def load_verifier(prm: PrmConfig, on: Machines | None = None) -> Prm:
    """Load a reward model, here or on a cluster.

    Raises
    ------
    RequestError
        No such model, a format that cannot be told, or packages are missing.
    """
    with needing("a reward model", "transformers"):
        from ttclib.collect.verifiers import load_prm
    return _held(prm, lambda: load_prm(prm) if on is None else on.verifier(prm))


def load_api(policy: PolicyConfig, prompt: PromptConfig) -> ChatEngine:
    """What draws whole samples and no more, from an API.

    Raises
    ------
    RequestError
        No such package, or nobody answers there, or not to this key.
    """
    with needing("an API", "chat"):
        from ttclib.collect.engines.chat import ChatEngine
    return _held(policy, lambda: ChatEngine(policy, prompt), prompt)


def refuse_chat(policy: PolicyConfig, what: str) -> None:
    """Refuse an API where answers are to go on from what was begun.

    Raises
    ------
    RequestError
    """
    if policy.engine == "chat":
        raise RequestError(
            f"engine 'chat' of '{policy.name}' draws whole samples alone, and {what} goes on from what was begun: "
            "serve the model by vLLM and set policy.engine = \"server\", or use engine 'vllm' or 'transformers'"
        )


def refuse_cluster(policy: PolicyConfig, on: Machines | None) -> None:
    """Refuse workers of our own where others hold the model.

    Raises
    ------
    RequestError
    """
    if on is not None and policy.engine in ("chat", "server"):
        raise RequestError(
            f"engine '{policy.engine}' of '{policy.name}' asks servers, which --on cannot move: leave it out, or use "
            "engine 'vllm' or 'transformers'"
        )


def tell_remarks(engine: Engine | ChatEngine, what: str, notify: Callable[[str], None]) -> None:
    """Say what servers did not tell rightly.

    Parameters
    ----------
    what : str
        The work, and what it draws: ``"sample: samples"``.
    """
    work, _, drawn = what.partition(": ")
    remarks = getattr(engine, "remarks", {})
    for remark, n in remarks.items():
        notify(f"{work}: {n:,} {drawn} {remark}")
    remarks.clear()  # an engine that is kept says each once


def close_engine(engine: Engine | ChatEngine) -> None:
    """Give back an engine's memory and processes, where it holds some that outlive it and nobody keeps it."""
    held = _HELD.get()
    if held is not None and any(engine is one for one in held.values()):
        return
    close = getattr(engine, "close", None)
    if close is not None:
        close()
