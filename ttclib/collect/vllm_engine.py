"""Sampling through `vllm.LLM`: offline batches on GPUs, or on vLLM's CPU build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vllm import LLM, SamplingParams

from ttclib.collect.engine import Completion, Draw, TokenTexts, config_facts, count_parameters, format_prompt
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError

# What `LLM` is given unless [policy.engine_options] says otherwise. Samples of one problem share
# their prompt, so its keys and values are computed once.
_DEFAULTS = {"enable_prefix_caching": True}


class VllmEngine:
    """A causal language model served by vLLM in this process.

    Parameters
    ----------
    path : str
        Directory or hub id.
    policy : PolicyConfig
        `engine_options` go to `vllm.LLM` as they are (``tensor_parallel_size``, ``quantization``,
        ``gpu_memory_utilization``, …).
    prompt : PromptConfig
    """

    def __init__(self, path: str, policy: PolicyConfig, prompt: PromptConfig) -> None:
        self._prompt = prompt
        self._policy = policy
        options = {**_DEFAULTS, "model": path, "revision": policy.revision, "dtype": policy.dtype}
        try:
            self._llm = LLM(**(options | policy.engine_options))
        except (OSError, ValueError, TypeError) as error:
            raise RequestError(f"vllm cannot load the policy from '{path}': {str(error).splitlines()[0]}") from error
        self.tokenizer = self._llm.get_tokenizer()
        self.window: int | None = self._llm.llm_engine.model_config.max_model_len
        self._token_texts = TokenTexts(self.tokenizer)

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a problem's prompt, in the configured prompt format."""
        return format_prompt(self.tokenizer, prompt, self._prompt)

    def token_texts(self, token_ids: Sequence[int]) -> list[str]:
        """The text of each token; special tokens are empty."""
        return self._token_texts(token_ids)

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name.

        The number of parameters is counted by building the architecture without weights, because
        vLLM fuses and shards the ones it holds.
        """
        config = self._llm.llm_engine.model_config.hf_config
        facts = config_facts(config)
        facts["training_tokens"] = self._policy.training_tokens or facts["training_tokens"]
        return {"path": self._policy.path, "revision": self._policy.revision, **_count_parameters(config), **facts}

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        """One completion for each draw, in order."""
        from vllm.platforms import current_platform

        # vLLM's CPU sampler refuses a seed a request: there, draws are independent but not repeatable.
        is_cpu = current_platform.is_cpu()
        parameters = [
            SamplingParams(
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_tokens=draw.max_tokens or sampling.max_tokens,
                stop=list(sampling.stop) or None,
                include_stop_str_in_output=True,
                seed=None if is_cpu else draw.seed % 2**31,
                logprobs=0,  # the drawn token's alone, before temperature and nucleus
            )
            for draw in draws
        ]
        prompts = [{"prompt_token_ids": list(draw.prefix_ids)} for draw in draws]
        completions = []
        for output in self._llm.generate(prompts, parameters, use_tqdm=False):
            drawn = output.outputs[0]
            ids = list(drawn.token_ids)
            logprob = sum(at[token].logprob for token, at in zip(ids, drawn.logprobs, strict=True))
            reason = "length" if drawn.finish_reason == "length" else "stop"
            completions.append(Completion(ids, drawn.text, reason, float(logprob)))
        return completions


def _count_parameters(config: Any) -> dict[str, int]:
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return count_parameters(AutoModelForCausalLM.from_config(config))
