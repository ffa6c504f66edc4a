"""Taking features of prompts with an engine at hand, and keeping them batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ttclib.collect.engines.types import Draw, Engine
from ttclib.collect.keeper import Keeper, Notify
from ttclib.collect.progress import progress
from ttclib.config import RunConfig
from ttclib.store import StoreLockedError
from ttclib.store.cells import pack_halves
from ttclib.store.questions import GREEDY, HIDDEN, features_held

FEATURES = (HIDDEN, GREEDY)
_PROMPTS = 8  # read at once: the states of all layers are in memory meanwhile
_ANSWERS = 64
_Make = Callable[[Any, RunConfig, Sequence[tuple[int, ...]]], list[dict[str, Any]]]


def keep_hidden(
    engine: Any, config: RunConfig, prompts: Mapping[str, tuple[int, ...]], shared: Mapping[str, Any], notify: Notify
) -> None:
    """Keep the hidden states that the store lacks, where the engine at hand can tell them."""
    if not hasattr(engine, "hidden_states"):
        return
    held: set[str] = set()
    with suppress(StoreLockedError):  # another takes much in; at worst some are taken twice, and kept once
        held = features_held(config.store, config.policy.name, shared["setting"], notify=notify)[HIDDEN]
    keep(engine, config, HIDDEN, {name: ids for name, ids in prompts.items() if name not in held}, shared)


def keep(
    engine: Engine, config: RunConfig, feature: str, prompts: Mapping[str, tuple[int, ...]], shared: Mapping[str, Any]
) -> None:
    """Take one feature of prompts, in batches of like length, each safe when the next begins."""
    todo = sorted(prompts.items(), key=lambda one: (len(one[1]), one[0]))
    make, size = _MAKE[feature]
    keeper = Keeper(config.store)
    with progress(feature, len(todo), "prompts") as tell:
        for begin in range(0, len(todo), size):
            batch = todo[begin : begin + size]
            rows = make(engine, config, [ids for _, ids in batch])
            named = [
                {"problem_id": name, "feature": feature, "prompt_tokens": len(ids), **row, **shared}
                for (name, ids), row in zip(batch, rows, strict=True)
            ]
            keeper.keep("features", named)
            tell(begin + len(batch), "")


def _hidden(engine: Any, config: RunConfig, prompts: Sequence[tuple[int, ...]]) -> list[dict[str, Any]]:
    states, layer = engine.hidden_states(prompts)
    return [{"hidden": pack_halves(state), "layer": layer} for state in states]


def _greedy(engine: Engine, config: RunConfig, prompts: Sequence[tuple[int, ...]]) -> list[dict[str, Any]]:
    plain = {"temperature": 0.0, "top_p": 1.0, "top_k": None, "min_p": None}
    plain |= {"keep_logprobs": False, "keep_top_mass": False}
    drawn = engine.generate([Draw(ids, 0) for ids in prompts], config.sampling.model_copy(update=plain))
    return [{"completion": one.text, "completion_tokens": len(one.token_ids), "logprob": one.logprob} for one in drawn]


_MAKE: dict[str, tuple[_Make, int]] = {HIDDEN: (_hidden, _PROMPTS), GREEDY: (_greedy, _ANSWERS)}
