"""What a run is said to need before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from transformers import AutoModelForCausalLM

from ttclib.collect import run
from ttclib.collect.estimate import estimate_run, parameters_of
from ttclib.config import RunConfig, load_config, preset_summary, presets


def with_estimate(config: RunConfig, **told: object) -> RunConfig:
    return RunConfig.model_validate(config.model_dump() | {"estimate": told})


def test_costs_are_two_flops_a_parameter_and_token(config: RunConfig) -> None:
    told = {"completion_tokens": 100, "policy_parameters": 1e9, "prm_parameters": 2e9, "peak_tflops": 100.0}
    found = estimate_run(with_estimate(config, decode_utilization=0.1, prefill_utilization=0.5, **told))
    assert (found.n_problems, found.n_samples, found.completion_tokens) == (5, 30, 3000.0)
    assert found.policy_gpu_hours == pytest.approx(2 * 1e9 * 3000 / 10e12 / 3600)
    assert found.prm_gpu_hours == pytest.approx(2 * 2e9 * found.prm_tokens / 50e12 / 3600)
    assert found.prm_tokens > found.completion_tokens


def test_only_what_the_store_lacks_counts_and_nothing_is_written(config: RunConfig) -> None:
    estimate_run(config)
    assert not list(config.store.parent.iterdir())
    run.sample(config)
    assert estimate_run(config).n_samples == 0
    larger = config.model_copy(update={"sampling": config.sampling.model_copy(update={"n_samples": 8})})
    assert estimate_run(larger).n_samples == 10


def test_all_that_a_prompt_holds_counts_once_a_problem(config: RunConfig) -> None:
    problems, _ = run.missing_samples(config)
    shown = [{"prompt": "1+1=", "answer": "2"}] * 2
    prompt = {"template": "Solve it: {prompt}", "system": "Add.", "examples": shown}
    found = estimate_run(RunConfig.model_validate(config.model_dump() | {"prompt": prompt}))
    characters = sum(len("Add." + 2 * "Solve it: 1+1=2" + "Solve it: " + one.prompt) for one in problems)
    assert found.prompt_tokens == pytest.approx(characters / 3.5)
    own = sum(len(one.prompt) for one in problems) / len(problems)  # the PRM is shown the problem alone
    assert found.prm_tokens == pytest.approx(30 * (8 + own / 3.5))


def test_what_is_not_configured_is_not_counted(config: RunConfig) -> None:
    told = {"policy_parameters": 1e9, "completion_tokens": 100, "n_gpus": 4}
    bare = with_estimate(config.model_copy(update={"prm": None}), **told)
    found = estimate_run(bare)
    assert (found.prm_tokens, found.prm_gpu_hours, found.usd) == (0.0, None, None)
    lines = found.lines(bare)
    assert not any(line.startswith("scoring") for line in lines) and lines[1].endswith("0 read by the PRM")
    assert f"{found.policy_gpu_hours / 4:.3g} h on 4 × A100" in lines[3]


def test_an_api_needs_no_gpu_of_ours_however_large_its_model(config: RunConfig) -> None:
    place = {"engine": "chat", "path": "large", "server": {"urls": ["http://127.0.0.1:9"], "choices": 4}}
    content = config.model_dump() | {"estimate": {"policy_parameters": 1e12, "prm_parameters": 1e9}}
    content |= {"policy": content["policy"] | place, "prompt": {"chat": True}}
    asked = RunConfig.model_validate(content)
    found = estimate_run(asked)
    assert found.policy_gpu_hours is None and found.prm_gpu_hours is not None
    (together,) = [line for line in found.lines(asked) if line.startswith("together")]
    assert together.startswith(f"together  {found.prm_gpu_hours:.3g} GPU-hours")
    problems, _ = run.missing_samples(asked)
    characters = sum(len(one.prompt) for one in problems)
    assert found.prompt_tokens == pytest.approx(2 * characters / 3.5)  # 6 samples are 2 requests, each with the prompt


@pytest.mark.parametrize(
    ("engine", "sampling", "numbers"),
    [
        ("transformers", {}, 2), ("transformers", {"keep_top_mass": True}, 3), ("vllm", {}, 1),
        ("vllm", {"keep_top_mass": True}, 2), ("vllm", {"keep_logprobs": False}, 0),
        ("transformers", {"keep_logprobs": False, "keep_top_mass": True}, 1),
    ],
)  # fmt: skip
def test_what_is_kept_of_each_token_takes_two_bytes(config: RunConfig, engine, sampling, numbers) -> None:
    content = config.model_dump()
    content |= {"policy": content["policy"] | {"engine": engine}, "sampling": content["sampling"] | sampling}
    asked = RunConfig.model_validate(content | {"estimate": {"completion_tokens": 100}})
    found = estimate_run(asked)
    assert found.logprob_bytes_per_sample == 100 * numbers * 2 and found.bytes_per_sample == 300 + 500 + 200 * numbers
    assert found.disk_bytes == 30 * found.bytes_per_sample
    assert ("of them each token's" in found.lines(asked)[-1]) == bool(numbers)


def test_parameters_are_counted_from_files_or_told_from_names(config: RunConfig, tiny_policy: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_policy)
    assert parameters_of(str(tiny_policy)) == model.num_parameters()
    assert parameters_of("HuggingFaceTB/SmolLM2-135M-Instruct") == 135e6
    unknown = estimate_run(with_estimate(config, prm_parameters=1e9, policy_parameters=None))
    assert unknown.policy_gpu_hours is not None  # counted
    assert "GPU-hours" in "\n".join(unknown.lines(config))


def test_an_unknown_size_is_said_to_be_unknown(config: RunConfig) -> None:
    policy = config.policy.model_copy(update={"path": "owner/model"})
    lines = estimate_run(config.model_copy(update={"policy": policy, "prm": None}))
    assert lines.policy_gpu_hours is None
    assert any("unknown: set estimate.policy_parameters" in line for line in lines.lines(config))


@pytest.mark.parametrize("name", presets())
def test_presets_say_what_they_are_for_and_name_known_partners(name: str) -> None:
    summary = preset_summary(name)
    assert summary
    named = {word.strip(",;()") for word in summary.split() if word.startswith(("24gb-", "80gb-", "8gpu-"))}
    assert named <= set(presets())
    read = load_config(name)
    if not name.startswith("lab"):
        assert read.prompt.chat and read.policy.training_tokens and read.estimate.policy_parameters
        assert read.prm is None or read.prm.step_end == read.sampling.step_delimiter == "\n\n"
        each = (read.policy.tensor_parallel_size or 1) * (read.policy.pipeline_parallel_size or 1)
        assert read.policy.data_parallel_size * each == read.estimate.n_gpus
