"""Sampling with a transformers model in this process: runs wherever torch runs.

The decoding loop is our own, for two things that `generate` does not offer. Each draw has its own
seed, so a sample does not depend on the batch it stands in (up to rounding, which differs between
batch shapes and can turn a near tie). And draws share a row for as long as they say the same
(`ttclib.collect.engines.branching`), while rows that have ended leave the batch (`make bench` measures both).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import wraps
from typing import Any, cast

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from ttclib.collect.checkpoints import choose_device, count_parameters, load_failure, model_row
from ttclib.collect.engines.branching import branch, roomy_cache
from ttclib.collect.engines.tokens import Tokens
from ttclib.collect.engines.types import TOP, Completion, Draw, check_window
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import TTCError


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
    """

    def __init__(self, path: str, policy: PolicyConfig, prompt: PromptConfig) -> None:
        self._policy = policy
        self.device = choose_device(policy.device, "policy.device")
        # A half-precision checkpoint is computed in full on a CPU, which has no fast half arithmetic.
        dtype = "float32" if policy.dtype == "auto" and self.device.startswith("cpu") else policy.dtype
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, revision=policy.revision)
            self.model = cast(Any, AutoModelForCausalLM).from_pretrained(path, revision=policy.revision, dtype=dtype)
        except ImportError:
            raise
        except Exception as error:  # of a damaged file each library of weights raises its own
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
        if self.device.startswith("cuda"):
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
        limits = np.array([draw.max_tokens or sampling.max_tokens for draw in draws])
        for draw, limit in zip(draws, limits.tolist(), strict=True):
            check_window(self.window, len(draw.prefix_ids), limit)
        prefixes = {prefix: row for row, prefix in enumerate(dict.fromkeys(draw.prefix_ids for draw in draws))}
        logits, mask, cache = self._prefill(list(prefixes))
        position = mask.sum(dim=1)
        uniforms = _uniforms(draws, int(limits.max()))

        tokens = np.zeros((len(draws), int(limits.max())), dtype=np.int64)
        n_tokens = np.zeros(len(draws), dtype=np.int64)
        logprobs, entropies, masses = np.zeros((3, len(draws), int(limits.max())))
        stopped = np.zeros(len(draws), dtype=bool)  # by itself, not at its limit
        going = np.arange(len(draws))
        rows = np.array([prefixes[draw.prefix_ids] for draw in draws])  # of the draws that are going
        for step in range(int(limits.max())):
            chosen, gained = draw_tokens(
                logits,
                rows,
                uniforms[going, step],
                sampling.temperature,
                sampling.top_p,
                sampling.top_k,
                sampling.min_p,
            )
            tokens[going, step] = chosen
            n_tokens[going] = step + 1
            logprobs[going, step] = gained
            if sampling.keep_logprobs:
                entropies[going, step] = (
                    torch.special.entr(torch.softmax(logits, dim=-1)).sum(dim=-1).cpu().numpy()[rows]
                )
            if sampling.keep_top_mass:
                likeliest = torch.softmax(logits, dim=-1).topk(min(TOP, logits.shape[1]), dim=-1).values
                masses[going, step] = likeliest.sum(dim=-1).cpu().numpy()[rows]
            stopped[going] = np.isin(chosen, self._ends)
            if sampling.stop:
                for draw in going[~stopped[going]]:
                    stopped[draw] = self._reached_stop(tokens[draw, : step + 1].tolist(), sampling.stop)
            goes_on = ~stopped[going] & (step + 1 < limits[going])
            going, rows, chosen = going[goes_on], rows[goes_on], chosen[goes_on]
            if not len(going):
                break
            sources, token_of_row, rows = branch(rows, chosen)
            if len(sources) != len(logits) or (sources != np.arange(len(sources))).any():
                kept = torch.from_numpy(sources).to(self.device)
                cache.batch_select_indices(kept)
                mask, position = mask[kept], position[kept]
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            ids = torch.from_numpy(token_of_row).to(self.device)
            logits = self._forward(ids[:, None], mask, position[:, None], cache)
            position = position + 1
        texts: dict[tuple[int, ...], str] = {}
        completions = []
        for row, (length, has_ended) in enumerate(zip(n_tokens, stopped, strict=True)):
            ids = tokens[row, :length].tolist()
            if (key := tuple(ids)) not in texts:
                texts[key] = self._decode(ids)
            own, nats, mass = (table[row, :length].astype(np.float32) for table in (logprobs, entropies, masses))
            completions.append(
                Completion(
                    *(ids, texts[key], "stop" if has_ended else "length", float(logprobs[row, :length].sum())),
                    token_logprobs=own if sampling.keep_logprobs else None,
                    token_entropies=nats if sampling.keep_logprobs else None,
                    token_top20=mass if sampling.keep_top_mass else None,
                )
            )
        return completions

    @torch.inference_mode()
    def hidden_states(self, prefixes: Sequence[tuple[int, ...]]) -> tuple[np.ndarray, int]:
        """The state at the last token of each prefix, and after how many layers: two thirds of them.

        What a model knows of a question is read best from there: the last layers turn to the next token.

        Returns
        -------
        states : float array, shape (prefixes, hidden size)
        layer : int
        """
        ids, mask, positions = self._padded(prefixes)
        output = self.model.base_model(
            input_ids=ids, attention_mask=mask, position_ids=positions, output_hidden_states=True, use_cache=False
        )
        layer = max(1, round(2 * (len(output.hidden_states) - 1) / 3))
        return output.hidden_states[layer][:, -1].float().cpu().numpy(), layer

    def _padded(self, prefixes: Sequence[tuple[int, ...]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Token ids filled up at the left, which of them count, and their positions."""
        longest = max(map(len, prefixes))
        padding = [longest - len(prefix) for prefix in prefixes]
        ids = [[0] * width + list(prefix) for width, prefix in zip(padding, prefixes, strict=True)]
        mask = torch.tensor([[0] * width + [1] * (longest - width) for width in padding], device=self.device)
        return torch.tensor(ids, device=self.device), mask, (mask.cumsum(dim=1) - 1).clamp(min=0)

    def _prefill(self, prefixes: list[tuple[int, ...]]) -> tuple[torch.Tensor, torch.Tensor, DynamicCache]:
        ids, mask, positions = self._padded(prefixes)
        cache = roomy_cache(self.model.config)
        return self._forward(ids, mask, positions, cache), mask, cache

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
        # A token holds at least a byte, so this many tokens reach back over the longest stop string.
        tail = self._decode(token_ids[-max(len(text.encode()) for text in stop) - 1 :])
        return any(text in tail for text in stop)

    def _decode(self, token_ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(token_ids), skip_special_tokens=True))


def draw_tokens(
    logits: torch.Tensor,
    rows: np.ndarray,
    uniforms: np.ndarray,
    temperature: float,
    top_p: float,
    top_k: int | None = None,
    min_p: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw tokens by inverting the cumulative distribution of a row; several draws may share one.

    Parameters
    ----------
    logits : torch.Tensor, shape (rows, vocabulary)
    rows : ndarray of int, shape (draws,)
        The row that each draw is from.
    uniforms : ndarray of float64, shape (draws,)
        In [0, 1).
    temperature : float
        0: the most likely token.
    top_p : float
        Nucleus: the smallest set of tokens whose mass reaches this much stays possible.
    top_k : int, optional
        So many likeliest tokens stay possible.
    min_p : float, optional
        Tokens of at least this share of the likeliest one's probability stay possible.

    Returns
    -------
    tokens : ndarray of int64, shape (draws,)
    logprobs : ndarray of float64, shape (draws,)
        At temperature 1 and without a nucleus.

    Notes
    -----
    `min_p` comes first, then `top_k`, then the nucleus of what is left, as in vLLM.

    References
    ----------
    Holtzman et al. 2020, arXiv:1904.09751, for the nucleus; Nguyen et al. 2024, arXiv:2407.01082, for `min_p`.
    """
    row = torch.from_numpy(rows).to(logits.device)
    if temperature == 0:
        chosen = logits.argmax(dim=-1)[row]
    else:
        probabilities = torch.softmax((logits / temperature).double(), dim=-1)
        if min_p:
            probabilities[probabilities < min_p * probabilities.amax(dim=-1, keepdim=True)] = 0.0
        if top_k is not None and top_k < probabilities.shape[1]:
            least = probabilities.topk(top_k, dim=-1).values[:, -1:]
            probabilities[probabilities < least] = 0.0
        if top_p < 1:
            if min_p or top_k is not None:
                probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
            ordered, order = probabilities.sort(dim=-1, descending=True)
            ordered[ordered.cumsum(dim=-1) - ordered >= top_p] = 0.0
            probabilities = torch.zeros_like(probabilities).scatter_(1, order, ordered)
        cumulative = probabilities.cumsum(dim=-1)
        points = torch.from_numpy(uniforms).to(logits.device) * cumulative[row, -1]
        chosen = torch.searchsorted(cumulative[row], points[:, None], right=True)[:, 0]
        chosen = chosen.clamp(max=logits.shape[1] - 1)
    logprobs = torch.log_softmax(logits, dim=-1)[row, chosen].double()
    return chosen.cpu().numpy(), logprobs.cpu().numpy()


def _uniforms(draws: Sequence[Draw], max_tokens: int) -> np.ndarray:
    """Random numbers of each draw, from its own seed, shape (draws, max_tokens)."""
    return np.stack([np.random.default_rng(draw.seed).random(max_tokens) for draw in draws])
