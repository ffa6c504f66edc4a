"""Reading the lab's own checkpoints, and refusing others."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase

from ttclib.errors import RequestError
from ttclib.lab.tokenizer import build_tokenizer


def check_policy(directory: Path) -> None:
    """Refuse what the lab cannot train further.

    Raises
    ------
    RequestError
        No checkpoint there, another architecture, or another vocabulary.
    """
    if not (directory / "config.json").is_file():
        raise RequestError(f"no policy at '{directory}': train one with `ttc lab train policy` or name its directory")
    try:
        architectures = AutoConfig.from_pretrained(directory).architectures or []
    except (OSError, ValueError) as error:
        raise RequestError(f"cannot read the policy at '{directory}': {str(error).splitlines()[0]}") from error
    if architectures != ["LlamaForCausalLM"]:
        raise RequestError(
            f"the policy at '{directory}' is {', '.join(architectures) or 'of no stated architecture'}: "
            f"the lab trains LlamaForCausalLM alone; make one with `ttc lab train policy`"
        )
    try:
        vocabulary = AutoTokenizer.from_pretrained(directory).get_vocab()
    except (OSError, ValueError) as error:
        raise RequestError(f"the policy at '{directory}' has no readable tokenizer: {error}") from error
    ours = build_tokenizer().get_vocab()
    if vocabulary != ours:
        raise RequestError(
            f"the policy at '{directory}' has another vocabulary ({len(vocabulary)} tokens, the lab {len(ours)}): "
            f"its samples could not be read as the lab's; make one with `ttc lab train policy`"
        )


def load_policy(directory: Path) -> LlamaForCausalLM:
    """A policy in full precision, for computing with."""
    return LlamaForCausalLM.from_pretrained(directory, dtype=torch.float32)


def load_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    """A checkpoint's own tokenizer."""
    return AutoTokenizer.from_pretrained(directory)
