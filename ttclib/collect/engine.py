"""What a sampler must offer, whatever serves the model.

A prefix is token ids, never text: re-tokenised text is another prefix. The seed of a draw depends
on the run's seed, the problem and the sample index alone, so which batch a sample was drawn in, or
whether the run was stopped in between, does not change what is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError


@dataclass(frozen=True)
class Draw:
    """One sample to be drawn: a prefix, its own seed, and a limit if it is below that of the setting."""

    prefix_ids: tuple[int, ...]
    seed: int
    max_tokens: int | None = None


@dataclass(frozen=True)
class Completion:
    """One sample as drawn.

    Attributes
    ----------
    token_ids : list of int
        The end token included.
    text : str
        Decoded, without special tokens.
    finish_reason : {"stop", "length"}
    logprob : float
        Sum over the tokens of their log-probability at temperature 1.
    """

    token_ids: list[int]
    text: str
    finish_reason: str
    logprob: float


class Engine(Protocol):
    """A loaded policy.

    Attributes
    ----------
    tokenizer
        A Hugging Face tokenizer.
    window : int or None
        Most tokens of prefix and completion together; None: no limit is stated.
    """

    tokenizer: Any
    window: int | None

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a problem's prompt, in the configured prompt format."""

    def token_texts(self, token_ids: Sequence[int]) -> list[str]:
        """The text of each token; special tokens are empty."""

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        """One completion for each draw, in order."""

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""


def load_engine(policy: PolicyConfig, prompt: PromptConfig) -> Engine:
    """Load the policy into the configured engine.

    Raises
    ------
    RequestError
        No such model; the engine's packages or its GPU are not there; no server answers.
    TTCError
        Out of GPU memory.
    """
    path = resolve_model(policy.path)
    try:
        if policy.engine == "server":
            from ttclib.collect.server_engine import ServerEngine

            return ServerEngine(path, policy, prompt)
        if policy.data_parallel_size > 1:
            from ttclib.collect.replicas import Replicas

            return Replicas(path, policy, prompt)
        if policy.engine == "vllm":
            from ttclib.collect.vllm_engine import VllmEngine

            return VllmEngine(path, policy, prompt)
        from ttclib.collect.transformers_engine import TransformersEngine

        return TransformersEngine(path, policy, prompt)
    except ImportError as error:
        raise missing_package(policy.engine, error) from error


def close_engine(engine: Engine) -> None:
    """Give back an engine's memory and processes, where it holds some that outlive it."""
    close = getattr(engine, "close", None)
    if close is not None:
        close()


def check_window(window: int | None, prompt_tokens: int, max_tokens: int) -> None:
    """Refuse a prompt that leaves no room for a completion.

    Raises
    ------
    RequestError
        Prompt and completion together exceed the model's window.
    """
    if window and prompt_tokens + max_tokens > window:
        raise RequestError(
            f"max_tokens {max_tokens} with a prompt of {prompt_tokens} tokens exceeds the model's window of "
            f"{window}: set sampling.max_tokens to at most {max(0, window - prompt_tokens)}"
        )


def missing_package(extra: str, error: ImportError) -> RequestError:
    """The one-line error for a model library that is not installed."""
    return RequestError(f"{extra} needs the package '{error.name}': install it with pip install 'ttclib[{extra}]'")


def first_line(error: BaseException) -> str:
    """What an exception says, in one line; its name if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def load_failure(what: str, path: str, error: BaseException) -> RequestError:
    """The one-line error for a model that cannot be loaded, with what to do about it.

    Parameters
    ----------
    what : str
        ``"policy"``, ``"PRM"``.
    path : str
    error : BaseException
    """
    text = str(error)
    if "gated repo" in text or "401" in text:
        remedy = "it is gated: accept its licence on its page on the hub, then `hf auth login`"
    elif "not a valid model identifier" in text or "404" in text:
        remedy = "the hub has no such model: check the name and the revision, or name a directory"
    elif "connect" in text and "offline" in text:
        remedy = "the hub cannot be reached and the model is not in the cache: name a directory that holds it"
    else:
        remedy = first_line(error)
    return RequestError(f"cannot load the {what} from '{path}': {remedy}")


def resolve_model(path: str) -> str:
    """A directory or hub id from what the configuration says.

    Raises
    ------
    RequestError
        A path that is not there, or an unknown model of the lab.
    """
    if path.startswith("lab:"):
        from ttclib.lab import checkpoint

        return str(checkpoint(path[4:]))
    if Path(path).is_dir():
        return path
    # What begins like a path is one; "owner/name" may be on the hub.
    if path.startswith((".", "/", "~")) or path.count("/") != 1:
        raise RequestError(f"no model at '{path}': name a directory, a hub id (owner/name) or lab:policy")
    return path


def draw_seed(seed: int, problem_id: str, sample_index: int | str) -> int:
    """Seed of one draw, 63 bits, from the run's seed and the identity of a sample, or the path of a step.

    Sample 3 and the step of path ``"3"``, its first, are drawn from one seed.

    Examples
    --------
    >>> draw_seed(0, "p1", 0) == draw_seed(0, "p1", 0) != draw_seed(0, "p1", 1)
    True
    """
    digest = hashlib.blake2b(f"{seed}/{sample_index}/{problem_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def config_facts(config: Any) -> dict[str, Any]:
    """The facts that a Hugging Face configuration states about a model's shape; unknown is None."""
    n_heads = getattr(config, "num_attention_heads", None)
    hidden_size = getattr(config, "hidden_size", None)
    head_dim = getattr(config, "head_dim", None) or (hidden_size // n_heads if hidden_size and n_heads else None)
    return {
        "architecture": (getattr(config, "architectures", None) or [None])[0],
        "n_layers": getattr(config, "num_hidden_layers", None),
        "n_heads": n_heads,
        "n_kv_heads": getattr(config, "num_key_value_heads", None) or n_heads,
        "head_dim": head_dim,
        "hidden_size": hidden_size,
        "training_tokens": getattr(config, "training_tokens", None),
    }


def count_parameters(model: Any) -> dict[str, int]:
    """Parameters in all and in the embeddings, tied ones once; a model without weights will do."""
    layers = (model.get_input_embeddings(), model.get_output_embeddings())
    embeddings = {id(layer.weight): layer.weight.numel() for layer in layers if layer is not None}
    return {"n_parameters": model.num_parameters(), "n_embedding": sum(embeddings.values())}


def count_parameters_of(config: Any) -> dict[str, int]:
    """`count_parameters` of an architecture that is held elsewhere, fused or sharded: it is built without weights."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return count_parameters(AutoModelForCausalLM.from_config(config))


def model_row(policy: PolicyConfig, config: Any, counts: dict[str, int]) -> dict[str, Any]:
    """A policy's row in the store's `models`, without its name."""
    facts = config_facts(config)
    facts["training_tokens"] = policy.training_tokens or facts["training_tokens"]
    return {"path": policy.path, "revision": policy.revision, **counts, **facts}
