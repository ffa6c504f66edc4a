"""Where a model's checkpoint lies, what it states about itself, and why it cannot be loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ttclib.config import PolicyConfig
from ttclib.errors import RequestError
from ttclib.shipped import checkpoint


def resolve_model(path: str) -> str:
    """A directory or hub id from what the configuration says.

    Raises
    ------
    RequestError
        A path that is not there, or an unknown model of the lab.
    """
    if path.startswith("lab:"):
        return str(checkpoint(path[4:]))
    if Path(path).is_dir():
        return path
    # What begins like a path is one; "owner/name" may be on the hub.
    if path.startswith((".", "/", "~")) or path.count("/") != 1:
        raise RequestError(f"no model at '{path}': name a directory, a hub id (owner/name) or lab:policy")
    return path


def choose_device(asked: str | None, key: str) -> str:
    """Where a model is to compute: the device that is asked for, else the GPU if there is one.

    Parameters
    ----------
    key : str
        Of the configuration, for the message.

    Raises
    ------
    RequestError
        No such device, or none that can be used here.
    """
    import torch

    if asked is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=torch.device(asked)).item()  # which the device "meta" refuses
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        gpus = "".join(f", cuda:{number}" for number in range(torch.cuda.device_count()))
        raise RequestError(f"{key} = '{asked}' cannot be used here ({first_line(error)}): set cpu{gpus}") from error
    return asked


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
    return {**counts, **facts}


def load_failure(what: str, path: str, error: BaseException) -> RequestError:
    """The one-line error for a model that cannot be loaded, with what to do about it.

    Parameters
    ----------
    what : str
        ``"policy"``, ``"PRM"``.
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


def first_line(error: BaseException) -> str:
    """What an exception says, in one line; its name if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
