"""Tiny untrained models of real architectures, made in the tests."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForTokenClassification

from ttclib.lab.tokenizer import build_tokenizer


def tiny_config(**changes: object) -> LlamaConfig:
    """A Llama of two layers over the lab's characters."""
    tokenizer = build_tokenizer()
    return LlamaConfig(
        **{
            "vocab_size": 24,
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 128,
            "initializer_range": 0.5,
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            **changes,
        }
    )


def save_tiny_policy(directory: Path, **changes: object) -> Path:
    """An untrained policy that ends its samples after some tokens."""
    torch.manual_seed(0)
    LlamaForCausalLM(tiny_config(**changes)).save_pretrained(directory)
    build_tokenizer().save_pretrained(directory)
    return directory


def save_tiny_prm(directory: Path, num_labels: int = 1, **changes: object) -> Path:
    """An untrained PRM with a token-classification head."""
    torch.manual_seed(1)
    LlamaForTokenClassification(tiny_config(num_labels=num_labels, **changes)).save_pretrained(directory)
    build_tokenizer().save_pretrained(directory)
    return directory
