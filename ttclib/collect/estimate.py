"""What a run would draw and cost, before anything starts.

A token costs 2·P FLOPs, P the parameters (Kaplan et al. 2020, arXiv:2001.08361); a GPU does a share
of its peak, less while it draws samples one token at a time than while a PRM reads them whole. The
shares are those of large batches: published runs of vLLM with models of 1 to 8 billion parameters
lie between 0.1 and 0.25 for drawing. The prompt of a problem is computed once for all its samples.
So these are figures to plan by, within a factor of two; `ttc status` gives the measured speed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from ttclib.collect.checkpoints import resolve_model
from ttclib.collect.engines.tokens import chat_turns
from ttclib.collect.run import missing_samples
from ttclib.config import RunConfig
from ttclib.store import is_collected
from ttclib.store.models import list_models

_CHARACTERS_A_TOKEN = 3.5  # of English mathematics, in the vocabularies of Llama 3 and Qwen 2.5
# A sample in the file, scored and graded: measured 0.5 to 0.7 kB for samples of 50 to 100 tokens, of
# which text and token ids are what grows with the length.
_BYTES_A_SAMPLE, _BYTES_A_TOKEN = 300, 5.0
_BYTES_A_NUMBER = 2.0  # a half float, of each token
_IN_NAME = re.compile(r"(\d+(?:\.\d+)?)\s*([bm])(?![a-z0-9])", re.I)


@dataclass(frozen=True)
class Estimate:
    """What a run would need; None: the parameters of a model are not known."""

    # n_problems, n_samples: the latter is what the store lacks
    n_problems: int
    n_samples: int
    # prompt_tokens, completion_tokens, prm_tokens: in all
    prompt_tokens: float
    completion_tokens: float
    prm_tokens: float
    policy_gpu_hours: float | None
    prm_gpu_hours: float | None
    disk_bytes: float
    bytes_per_sample: float  # of these, in the mean
    logprob_bytes_per_sample: float  # of these, in what is kept of each token (`sampling.keep_logprobs`)
    # what an API charges for it, at the price that the store knows; None: it knows none, or nothing is charged
    usd: float | None = None

    def lines(self, config: RunConfig) -> list[str]:
        """For a person."""
        told = config.estimate
        mean = f"about {_mean_tokens(config):,} tokens each"
        result = [
            f"{self.n_problems:,} problems × {config.sampling.n_samples:,} samples: {self.n_samples:,} to draw, {mean}",
            f"tokens    {self.completion_tokens:.3g} drawn, {self.prompt_tokens:.3g} of prompts, {self.prm_tokens:.3g} "
            f"read by the PRM",
        ]
        for what, model, hours in (
            ("drawing ", config.policy.path, self.policy_gpu_hours),
            ("scoring ", config.prm.path if config.prm else None, self.prm_gpu_hours),
        ):
            if model is None:
                continue
            if model is config.policy.path and config.policy.engine == "chat":
                result.append(f"drawing   {self._price(config)}")
                continue
            unknown = "unknown: set estimate.policy_parameters and estimate.prm_parameters"
            said = unknown if hours is None else f"{hours:.3g} GPU-hours ({model})"
            result.append(f"{what}  {said}")
        known = [value for value in (self.policy_gpu_hours, self.prm_gpu_hours) if value is not None]
        if known:
            result.append(
                f"together  {sum(known):.3g} GPU-hours, {_wall_hours(self, told.n_gpus):.3g} h on {told.n_gpus} × "
                f"{told.gpu}; assumed: {told.peak_tflops:g} TFLOPS peak, {told.decode_utilization:.0%} of it drawing, "
                f"{told.prefill_utilization:.0%} scoring"
            )
        kept = f", {self.logprob_bytes_per_sample:,.0f} of them each token's log-probability and the like"
        return [
            *result,
            f"disk      {self.disk_bytes / 1e6:,.0f} MB in {config.store}: {self.bytes_per_sample:,.0f} bytes a sample"
            f"{kept if self.logprob_bytes_per_sample else ''} (sampling.keep_logprobs = "
            f"{str(config.sampling.keep_logprobs).lower()})",
        ]

    def _price(self, config: RunConfig) -> str:
        name, place = config.policy.name, ", ".join(config.policy.server.bases())
        if self.usd is not None:
            return f"US$ {self.usd:,.2f} at {place}, at the price of '{name}' in {config.store}"
        return (
            f"at {place}; US$ unknown: the store must know '{name}', then `ttc models {config.store} --set {name} "
            "usd_per_mtok_input=… usd_per_mtok_output=…`"
        )


def estimate_run(config: RunConfig) -> Estimate:
    """Estimate a run from its configuration, its problems and what its store holds already.

    Nothing is loaded and nothing is written.
    """
    problems, todo = missing_samples(config)
    n = len(todo)
    served = config.policy.engine == "chat"
    touched = {problem.problem_id for problem, _ in todo}
    asked = [problem.prompt for problem in problems if problem.problem_id in touched]
    turns = [turn["content"] for prompt in asked for turn in chat_turns(prompt, config.prompt)]
    prompt_tokens = sum(map(len, turns)) / _CHARACTERS_A_TOKEN
    if served and touched:  # an API reads the prompt of every request
        prompt_tokens *= math.ceil(n / len(touched) / config.policy.server.choices)
    completion_tokens = float(n * _mean_tokens(config))
    mean_problem = sum(map(len, asked)) / _CHARACTERS_A_TOKEN / max(1, len(asked))
    prm_tokens = completion_tokens + n * mean_problem if config.prm else 0.0
    logprob_bytes = _mean_tokens(config) * _numbers_a_token(config) * _BYTES_A_NUMBER
    bytes_per_sample = _BYTES_A_SAMPLE + _mean_tokens(config) * _BYTES_A_TOKEN + logprob_bytes
    told = config.estimate
    policy = None if served else told.policy_parameters or parameters_of(config.policy.path)
    prm = told.prm_parameters or (parameters_of(config.prm.path) if config.prm else None)
    return Estimate(
        n_problems=len(problems),
        n_samples=n,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        prm_tokens=prm_tokens,
        policy_gpu_hours=gpu_hours(policy, completion_tokens, told.peak_tflops * told.decode_utilization),
        prm_gpu_hours=gpu_hours(prm, prm_tokens, told.peak_tflops * told.prefill_utilization) if config.prm else None,
        disk_bytes=n * bytes_per_sample,
        bytes_per_sample=bytes_per_sample,
        logprob_bytes_per_sample=logprob_bytes,
        usd=_dollars(config, prompt_tokens, completion_tokens) if served else None,
    )


def _dollars(config: RunConfig, prompt_tokens: float, completion_tokens: float) -> float | None:
    """What is charged for so many tokens, at the prices that the store knows of the policy."""
    known = list_models(config.store) if is_collected(config.store) else []
    row = next((row for row in known if row["model"] == config.policy.name), {})
    of_input, of_output = row.get("usd_per_mtok_input"), row.get("usd_per_mtok_output")
    if of_input is None or of_output is None:
        return None
    return (float(of_input) * prompt_tokens + float(of_output) * completion_tokens) / 1e6


def gpu_hours(n_parameters: float | None, n_tokens: float, tflops: float) -> float | None:
    """Hours in which a GPU of this sustained speed does 2·P FLOPs for each token.

    Examples
    --------
    >>> gpu_hours(7.5e9, 1e9, 50)
    83.33333333333333
    >>> gpu_hours(None, 1e9, 50) is None
    True
    """
    return None if n_parameters is None else 2 * n_parameters * n_tokens / (tflops * 1e12) / 3600


def parameters_of(path: str) -> float | None:
    """Parameters of a model, counted from the files of a directory, or told from a name such as ``-1.5B``.

    Examples
    --------
    >>> parameters_of("Qwen/Qwen2.5-Math-1.5B-Instruct"), parameters_of("meta-llama/Llama-3.2-1B")
    (1500000000.0, 1000000000.0)
    >>> parameters_of("owner/model") is None
    True
    """
    weights = list(Path(resolve_model(path)).glob("*.safetensors"))
    if weights:
        try:
            from safetensors import safe_open
        except ImportError:
            return None
        total = 0
        for file in weights:
            with safe_open(file, framework="numpy") as tensors:
                for name in tensors.keys():  # noqa: SIM118 — it is no dict
                    size = 1
                    for length in tensors.get_slice(name).get_shape():
                        size *= length
                    total += size
        return float(total)
    found = _IN_NAME.findall(path.rsplit("/", 1)[-1])
    return float(found[-1][0]) * {"b": 1e9, "m": 1e6}[found[-1][1].lower()] if found else None


def _wall_hours(estimate: Estimate, n_gpus: int) -> float:
    """Copies of the policy share the drawing; the PRM reads on one GPU."""
    return (estimate.policy_gpu_hours or 0.0) / n_gpus + (estimate.prm_gpu_hours or 0.0)


def _numbers_a_token(config: RunConfig) -> int:
    """Numbers kept of each token: its log-probability, its entropy where the engine tells it, the top mass if asked."""
    in_process = config.policy.engine == "transformers"
    keep = config.sampling
    return keep.keep_logprobs * (1 + in_process) + keep.keep_top_mass


def _mean_tokens(config: RunConfig) -> int:
    return config.estimate.completion_tokens or max(1, config.sampling.max_tokens // 3)
