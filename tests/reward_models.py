"""Tiny untrained reward models with the architecture, head and tokenizer of the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2Model,
)

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Llama 3's template trims what it is given.
LLAMA3 = (
    "{{ '<|begin_of_text|>' }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
_CORPUS = ["Step 1: Janet has 16 - 3 = 13 eggs left.\n\nShe sells 9 * 2 = 18 dollars. The answer is: 18\n"] * 4
_GPT4_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_tokenizer(special: list[str], template: str | None, **tokens: str) -> PreTrainedTokenizerFast:
    """Byte-level BPE, split as Qwen and Llama 3 split."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_GPT4_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=special,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_CORPUS, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **tokens)
    fast.chat_template = template
    return fast


def piece_tokenizer() -> PreTrainedTokenizerFast:
    """BPE over pieces with byte fallback and a begin token, as Llama 2 and Mistral."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))],
        initial_alphabet=list("0123456789+-*=ки \n"),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*_CORPUS, *[" ки"] * 9, " + - + -"] * 3, trainer)
    tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def _shape(tokenizer: Any, **changes: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.3,
        **changes,
    }


def save_qwen(directory: Path, *, n_outputs: int = 2, **changes: Any) -> Path:
    """Qwen2.5-Math-PRM (two outputs) or -RM (one), under the names that its own code saves."""
    torch.manual_seed(2)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>"]
    tokenizer = byte_tokenizer(special, CHATML, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    config = Qwen2Config(**_shape(tokenizer, **changes))
    backbone = Qwen2Model(config)
    head = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, n_outputs))
    weights = {f"model.{name}": value for name, value in backbone.state_dict().items()}
    weights |= {f"score.{name}": value.detach().contiguous() for name, value in head.state_dict().items()}
    name = "Qwen2ForProcessRewardModel" if n_outputs == 2 else "Qwen2ForRewardModel"
    _save(directory, config, weights, tokenizer, [name])
    return directory


def save_skywork(directory: Path, **changes: Any) -> Path:
    """Skywork-o1-Open-PRM: a language model with TRL's value head."""
    torch.manual_seed(3)
    tokenizer = byte_tokenizer(["<|endoftext|>", "<|im_end|>"], CHATML, bos_token="<|endoftext|>")
    config = Qwen2Config(**_shape(tokenizer, **changes))
    weights = {f"model.{name}": value for name, value in Qwen2Model(config).state_dict().items()}
    weights["lm_head.weight"] = torch.randn(len(tokenizer), 32)
    weights |= {"v_head.summary.weight": torch.randn(1, 32), "v_head.summary.bias": torch.randn(1)}
    _save(directory, config, weights, tokenizer, ["Qwen2ForPrmModel"])
    return directory


def save_math_shepherd(directory: Path, **changes: Any) -> Path:
    """math-shepherd-mistral-7b-prm: a whole Mistral."""
    torch.manual_seed(4)
    tokenizer = piece_tokenizer()
    MistralForCausalLM(MistralConfig(**_shape(tokenizer, **changes))).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def save_rlhflow(directory: Path, **changes: Any) -> Path:
    """Llama3.1-8B-PRM-Deepseek-Data: a whole Llama 3."""
    torch.manual_seed(5)
    special = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = byte_tokenizer(special, LLAMA3, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>")
    LlamaForCausalLM(LlamaConfig(**_shape(tokenizer, **changes))).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def save_orm(directory: Path, *, template: str | None = LLAMA3, **changes: Any) -> Path:
    """A sequence classifier of one label, as the reward models of RewardBench."""
    torch.manual_seed(6)
    special = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = byte_tokenizer(special, template, bos_token="<|begin_of_text|>", pad_token="<|eot_id|>")
    config = LlamaConfig(**_shape(tokenizer, num_labels=1, pad_token_id=tokenizer.pad_token_id, **changes))
    LlamaForSequenceClassification(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def weights_of(directory: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a checkpoint."""
    return load_file(directory / "model.safetensors")


def _save(directory: Path, config: Any, weights: dict[str, torch.Tensor], tokenizer: Any, names: list[str]) -> None:
    config.architectures = names
    # What the hub's checkpoint says of code of its own, which must not be run or asked about.
    config.auto_map = {"AutoModel": "modeling_qwen2_rm.Qwen2ForProcessRewardModel"}
    config.save_pretrained(directory)
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save_pretrained(directory)
