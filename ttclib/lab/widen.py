"""The same model with wider attention heads, for engines whose kernels want heads of 32 or more.

Heads are padded with zeros, which add nothing to a product of query and key. The rotation's base is raised
so that the old dimensions keep their frequencies, and queries are scaled for the larger root that scores
are divided by. So the model computes what it did.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ttclib.errors import RequestError


def widen(source: Path, target: Path, head_dim: int = 32) -> None:
    """Write a Llama checkpoint anew with heads of `head_dim`, in single precision.

    Parameters
    ----------
    source, target : pathlib.Path
        Directories in the Hugging Face format.
    head_dim : int
        Even, and at least the checkpoint's.

    Raises
    ------
    RequestError
        The heads would become narrower.
    """
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    config, before = model.config, model.config.head_dim
    if head_dim < before or head_dim % 2:
        raise RequestError(f"head_dim {head_dim}: allowed is an even number from {before}, the model's own, up")
    half = before // 2
    # Dimension i turns together with i + half.
    places = torch.cat([torch.arange(half), torch.arange(half) + head_dim // 2])
    weights = model.state_dict()
    for name, weight in list(weights.items()):
        part = name.split(".")[-2]
        if part in ("q_proj", "k_proj", "v_proj"):
            heads = weight.reshape(-1, before, weight.shape[1])
            wide = heads.new_zeros(len(heads), head_dim, weight.shape[1])
            wide[:, places] = heads * ((head_dim / before) ** 0.5 if part == "q_proj" else 1.0)
            weights[name] = wide.reshape(-1, weight.shape[1])
        elif part == "o_proj":
            heads = weight.reshape(len(weight), -1, before)
            wide = heads.new_zeros(len(weight), heads.shape[1], head_dim)
            wide[:, :, places] = heads
            weights[name] = wide.reshape(len(weight), -1)
    config.head_dim = head_dim
    config.rope_parameters["rope_theta"] **= head_dim / before
    widened = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    widened.load_state_dict(weights)
    widened.generation_config = model.generation_config
    widened.save_pretrained(target)
    AutoTokenizer.from_pretrained(source).save_pretrained(target)
