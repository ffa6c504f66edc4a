"""Sampling with a transformers model in this process: runs wherever torch runs.

The decoding loop is our own, for two things that `generate` does not offer. Each row is drawn from
its own seed, so a sample does not depend on the batch it stands in (up to rounding, which differs
between batch shapes and can turn a near tie). And rows that have ended leave the batch, which is
the faster the more their lengths differ (`make bench` measures both).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import wraps
from typing import Any, cast

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.cache_utils import DynamicLayer

from ttclib.collect.engine import Completion, Draw, count_parameters, load_failure, model_row
from ttclib.collect.tokens import Tokens
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError

# Leaving the batch costs a copy of the cache, so ended rows wait until a fifth has ended.
_COMPACT_BELOW = 0.8


def _explain_out_of_memory(generate: Any) -> Any:
    @wraps(generate)
    def explained(engine: TransformersEngine, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        try:
            return list(generate(engine, draws, sampling))
        except torch.cuda.OutOfMemoryError as error:
            raise TTCError(
                f"out of GPU memory while drawing {len(draws)} samples of up to {sampling.max_tokens} tokens: lower "
                f"policy.batch_size or sampling.max_tokens"
            ) from error

    return explained


class TransformersEngine(Tokens):
    """A causal language model in this process.

    Parameters
    ----------
    path : str
        Directory or hub id.
    policy : PolicyConfig
    prompt : PromptConfig
    """

    def __init__(self, path: str, policy: PolicyConfig, prompt: PromptConfig) -> None:
        self._policy = policy
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        # A half-precision checkpoint is computed in full on a CPU, which has no fast half arithmetic.
        dtype = "float32" if policy.dtype == "auto" and self.device == "cpu" else policy.dtype
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, revision=policy.revision)
            self.model = cast(Any, AutoModelForCausalLM).from_pretrained(path, revision=policy.revision, dtype=dtype)
        except (OSError, ValueError) as error:
            raise load_failure("policy", path, error) from error
        super().__init__(tokenizer, prompt)
        self.model.to(self.device).eval()
        self.window: int | None = getattr(self.model.config, "max_position_embeddings", None)
        # transformers 5.24 renamed it.
        accepted = inspect.signature(type(self.model).forward).parameters
        self._cache_name = "cache" if "cache" in accepted else "past_key_values"
        ends = self.model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        self._ends = sorted({token for token in (*ends, self.tokenizer.eos_token_id) if token is not None})

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""
        return model_row(self._policy, self.model.config, count_parameters(self.model))

    def close(self) -> None:
        """Leave the GPU's memory."""
        if self.device == "cuda":
            self.model.to("cpu")
            torch.cuda.empty_cache()

    @_explain_out_of_memory
    @torch.inference_mode()
    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        """One completion for each draw, in order.

        Raises
        ------
        RequestError
            Prompt and completion together exceed the model's window.
        """
        prefixes = {prefix: row for row, prefix in enumerate(dict.fromkeys(draw.prefix_ids for draw in draws))}
        longest = max(map(len, prefixes))
        limits = np.array([draw.max_tokens or sampling.max_tokens for draw in draws])
        for draw, limit in zip(draws, limits.tolist(), strict=True):
            self._check_window(len(draw.prefix_ids), limit)
        prefix_of_row = torch.tensor([prefixes[draw.prefix_ids] for draw in draws], device=self.device)
        logits, mask, cache = self._prefill(list(prefixes), longest)
        # Draws that share a prefix share its prefill.
        logits, mask = logits[prefix_of_row], mask[prefix_of_row]
        cache.batch_select_indices(prefix_of_row)
        position = mask.sum(dim=1)
        ends = torch.tensor(self._ends, device=self.device)
        uniforms = torch.from_numpy(_uniforms(draws, int(limits.max()))).to(self.device)

        tokens = np.zeros((len(draws), int(limits.max())), dtype=np.int64)
        n_tokens = np.zeros(len(draws), dtype=np.int64)
        logprobs = np.zeros(len(draws))
        stopped = np.zeros(len(draws), dtype=bool)  # by itself
        done = np.zeros(len(draws), dtype=bool)  # or at its limit
        rows = torch.arange(len(draws), device=self.device)  # the draw that each row of the batch belongs to
        alive = torch.ones(len(draws), dtype=torch.bool, device=self.device)
        for step in range(int(limits.max())):
            chosen = draw_tokens(logits, uniforms[rows, step], sampling.temperature, sampling.top_p)
            gained = torch.log_softmax(logits, dim=-1).gather(1, chosen[:, None])[:, 0]
            going = ~done[rows.cpu().numpy()]
            own = rows.cpu().numpy()[going]
            tokens[own, step] = chosen.cpu().numpy()[going]
            n_tokens[own] = step + 1
            logprobs[own] += gained.double().cpu().numpy()[going]
            stopped[own] = torch.isin(chosen, ends).cpu().numpy()[going]
            if sampling.stop:
                for draw in own[~stopped[own]]:
                    stopped[draw] = self._reached_stop(tokens[draw, : step + 1].tolist(), sampling.stop)
            done[own] = stopped[own] | (step == limits[own] - 1)
            alive = torch.from_numpy(~done).to(self.device)[rows]
            n_alive = int(alive.sum())
            if n_alive == 0:
                break
            if n_alive < _COMPACT_BELOW * len(rows):
                keep = alive.nonzero()[:, 0]
                cache.batch_select_indices(keep)
                rows, chosen, mask, position = rows[keep], chosen[keep], mask[keep], position[keep]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            logits = self._forward(chosen[:, None], mask, position[:, None], cache)
            position = position + 1
        return [
            Completion(ids, self._decode(ids), "stop" if has_ended else "length", float(logprob))
            for ids, has_ended, logprob in zip(
                (row[:length].tolist() for row, length in zip(tokens, n_tokens, strict=True)),
                stopped,
                logprobs,
                strict=True,
            )
        ]

    def _prefill(
        self, prefixes: list[tuple[int, ...]], longest: int
    ) -> tuple[torch.Tensor, torch.Tensor, DynamicCache]:
        padding = [longest - len(prefix) for prefix in prefixes]
        ids = [[0] * width + list(prefix) for width, prefix in zip(padding, prefixes, strict=True)]
        mask = torch.tensor([[0] * width + [1] * (longest - width) for width in padding], device=self.device)
        cache = _roomy_cache(self.model.config)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        return self._forward(torch.tensor(ids, device=self.device), mask, positions, cache), mask, cache

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: DynamicCache
    ) -> torch.Tensor:
        """Logits of the next token, shape (rows, vocabulary)."""
        output = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            **{self._cache_name: cache},
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float()

    def _reached_stop(self, token_ids: list[int], stop: Sequence[str]) -> bool:
        if not stop:
            return False
        # A token holds at least a byte, so this many tokens reach back over the longest stop string.
        tail = self._decode(token_ids[-max(len(text.encode()) for text in stop) - 1 :])
        return any(text in tail for text in stop)

    def _decode(self, token_ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(token_ids), skip_special_tokens=True))

    def _check_window(self, prompt_tokens: int, max_tokens: int) -> None:
        if self.window and prompt_tokens + max_tokens > self.window:
            raise RequestError(
                f"max_tokens {max_tokens} with a prompt of {prompt_tokens} tokens exceeds the model's window of "
                f"{self.window}: set sampling.max_tokens to at most {max(0, self.window - prompt_tokens)}"
            )


class _RoomyLayer(DynamicLayer):
    """Keys and values in a buffer with room to grow: a step writes its token instead of copying all before it."""

    _STEPS_OF_ROOM = 64

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self._buffers: list[torch.Tensor] = []
        held, added = self.get_seq_length(), key_states.shape[-2]
        if not self._buffers or self._buffers[0].shape[-2] < held + added:
            *outer, _, size = key_states.shape
            room = [states.new_empty(*outer, held + added + self._STEPS_OF_ROOM, size) for states in (key_states,) * 2]
            if held:
                room[0][..., :held, :], room[1][..., :held, :] = cast(Any, (self.keys, self.values))
            self._buffers = room
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[..., held : held + added, :] = states
        self.keys, self.values = (buffer[..., : held + added, :] for buffer in self._buffers)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        super().batch_select_indices(indices)
        self._buffers = []  # they hold the rows that left


def _roomy_cache(config: Any) -> DynamicCache:
    """A cache whose plain layers have room; those of sliding windows and the like stay as they are."""
    cache = DynamicCache(config=config)
    cache.layers = [_RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def draw_tokens(logits: torch.Tensor, uniforms: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """Draw one token a row by inverting the cumulative distribution.

    Parameters
    ----------
    logits : torch.Tensor, shape (rows, vocabulary)
    uniforms : torch.Tensor of float64, shape (rows,)
        In [0, 1).
    temperature : float
        0: the most likely token.
    top_p : float
        Nucleus: the smallest set of tokens whose mass reaches this much stays possible.

    Returns
    -------
    torch.Tensor of int64, shape (rows,)

    References
    ----------
    Holtzman et al. 2020, arXiv:1904.09751, for the nucleus.
    """
    if temperature == 0:
        return logits.argmax(dim=-1)
    probabilities = torch.softmax((logits / temperature).double(), dim=-1)
    if top_p < 1:
        ordered, order = probabilities.sort(dim=-1, descending=True)
        ordered[ordered.cumsum(dim=-1) - ordered >= top_p] = 0.0
        probabilities = torch.zeros_like(probabilities).scatter_(1, order, ordered)
    cumulative = probabilities.cumsum(dim=-1)
    point = uniforms * cumulative[:, -1]
    return torch.searchsorted(cumulative, point[:, None], right=True)[:, 0].clamp(max=logits.shape[1] - 1)


def _uniforms(draws: Sequence[Draw], max_tokens: int) -> np.ndarray:
    """Random numbers of each draw, from its own seed, shape (draws, max_tokens)."""
    return np.stack([np.random.default_rng(draw.seed).random(max_tokens) for draw in draws])
