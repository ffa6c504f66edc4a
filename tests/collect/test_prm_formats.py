"""Every format gives what the model's card computes, one solution at a time, by the card's own few lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Qwen2Config,
    Qwen2Model,
)

from tests.models import save_tiny_policy, save_tiny_prm
from tests.reward_models import (
    save_math_shepherd,
    save_orm,
    save_qwen,
    save_rlhflow,
    save_skywork,
    weights_of,
)
from ttclib.collect.verifiers import FORMATS, TokenClassificationPrm, find_format, load_prm
from ttclib.config import PrmConfig
from ttclib.errors import RequestError

PROMPT = "Janet's ducks lay 16 eggs. How much does she make?"
SOLUTIONS = [
    ["Step 1: 16 - 3 = 13 eggs.\n\n", "Step 2: 9 * 2 = 18.\n\n", "The answer is: 18"],
    ["18"],
    # White space, non-ASCII and blank lines stay as they are; a sign that means something to a format is text here.
    ["  so √9 = 3 🦆 + 1 \n - x:\n\n\n\n", "\tк + -\n\n", "a\nb\n\n"],
]
SAVE = {
    "qwen": save_qwen,
    "math-shepherd": save_math_shepherd,
    "rlhflow": save_rlhflow,
    "skywork": save_skywork,
    "orm": save_orm,
    "qwen-orm": lambda directory: save_qwen(directory, n_outputs=1),
}


def body(step: str) -> str:
    while step.endswith("\n\n"):
        step = step[:-2]
    return step


def backbone(path: Path, ids: torch.Tensor) -> torch.Tensor:
    """Hidden states of a Qwen2 checkpoint with a foreign head."""
    weights = weights_of(path)
    model = Qwen2Model(Qwen2Config.from_pretrained(path)).eval()
    model.load_state_dict({name[6:]: value for name, value in weights.items() if name.startswith("model.")})
    return model(ids).last_hidden_state


def qwen_head(path: Path, hidden: torch.Tensor) -> torch.Tensor:
    weights = weights_of(path)
    inner = (hidden @ weights["score.0.weight"].T + weights["score.0.bias"]).relu()
    return inner @ weights["score.2.weight"].T + weights["score.2.bias"]


def card_qwen(path: Path, tokenizer: Any, steps: list[str]) -> list[float]:
    messages = [
        {"role": "system", "content": "Please reason step by step, and put your final answer within \\boxed{}."},
        {"role": "user", "content": PROMPT},
        {"role": "assistant", "content": "<extra_0>".join(map(body, steps)) + "<extra_0>"},
    ]
    ids = torch.tensor([tokenizer.encode(tokenizer.apply_chat_template(messages, tokenize=False))])
    probabilities = qwen_head(path, backbone(path, ids)).softmax(-1)
    return probabilities[ids == tokenizer.encode("<extra_0>")[0]][:, 1].tolist()


def card_math_shepherd(path: Path, tokenizer: Any, steps: list[str]) -> list[float]:
    candidates = tokenizer.encode("+ -")[1:]
    step_tag_id = tokenizer.encode("ки")[-1]
    text = "".join(body(step) + " ки" + step[len(body(step)) :] for step in steps)
    ids = torch.tensor([tokenizer.encode(f"{PROMPT} {text}")])
    scores = AutoModelForCausalLM.from_pretrained(path).eval()(ids).logits[:, :, candidates].softmax(-1)[:, :, 0]
    return scores[ids == step_tag_id].tolist()


def card_rlhflow(path: Path, tokenizer: Any, steps: list[str]) -> list[float]:
    model = AutoModelForCausalLM.from_pretrained(path).eval()
    candidates = [tokenizer.encode("+")[-1], tokenizer.encode("-")[-1]]
    conversation, scores = [], []
    for number, step in enumerate(steps):
        text = f"{PROMPT} {body(step)}" if number == 0 else body(step)
        conversation += [{"role": "user", "content": text}, {"role": "assistant", "content": "+"}]
        text = tokenizer.apply_chat_template(conversation, tokenize=False)
        ids = torch.tensor([tokenizer.encode(text, add_special_tokens=False)])
        scores.append(model(ids).logits[0, -3, candidates].softmax(-1)[0].item())
    return scores


def card_skywork(path: Path, tokenizer: Any, steps: list[str]) -> list[float]:
    ids = tokenizer.encode(tokenizer.bos_token + PROMPT + "\n")
    flags = [0] * len(ids)
    for step in steps:
        step_ids = [*tokenizer.encode(body(step)), tokenizer.encode("\n")[-1]]
        ids += step_ids
        flags += [0] * (len(step_ids) - 1) + [1]
    weights = weights_of(path)
    hidden = backbone(path, torch.tensor([ids]))
    values = (hidden @ weights["v_head.summary.weight"].T + weights["v_head.summary.bias"]).squeeze(-1).sigmoid()
    return values[torch.tensor([flags]) == 1].tolist()


def chat(tokenizer: Any, turns: list[tuple[str, str]]) -> torch.Tensor:
    messages = [{"role": role, "content": content} for role, content in turns]
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    return torch.tensor([tokenizer.encode(text, add_special_tokens=False)])


def card_orm(path: Path, tokenizer: Any, steps: list[str]) -> list[float]:
    ids = chat(tokenizer, [("user", PROMPT), ("assistant", "".join(steps))])
    return AutoModelForSequenceClassification.from_pretrained(path).eval()(ids).logits[0].sigmoid().tolist()


def card_qwen_orm(path: Path, tokenizer: Any, steps: list[str]) -> list[float]:
    system = "Please reason step by step, and put your final answer within \\boxed{}."
    ids = chat(tokenizer, [("system", system), ("user", PROMPT), ("assistant", "".join(steps))])
    return qwen_head(path, backbone(path, ids))[0, -1].sigmoid().tolist()


CARD = {
    "qwen": card_qwen,
    "math-shepherd": card_math_shepherd,
    "rlhflow": card_rlhflow,
    "skywork": card_skywork,
    "orm": card_orm,
    "qwen-orm": card_qwen_orm,
}


@pytest.fixture(scope="module", params=SAVE)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A format and a tiny model of it."""
    return request.param, SAVE[request.param](tmp_path_factory.mktemp(request.param))


@torch.inference_mode()
def test_scores_are_the_cards(saved: tuple[str, Path]) -> None:
    name, path = saved
    prm = load_prm(PrmConfig(path=str(path), format=name, step_end="\n\n", batch_tokens=300))
    tokenizer = AutoTokenizer.from_pretrained(path)
    read = prm.score([prm.encode(PROMPT, steps) for steps in SOLUTIONS])
    expected = [CARD[name](path, tokenizer, steps) for steps in SOLUTIONS]
    assert len({round(score, 3) for scores in expected for score in scores}) > 2  # the model tells them apart
    for steps, scores, wanted in zip(SOLUTIONS, read, expected, strict=True):
        assert scores.step_scores is not None and len(scores.step_scores) == (1 if "orm" in name else len(steps))
        assert scores.step_scores == pytest.approx(wanted, abs=1e-4)


def test_the_format_is_told_from_the_checkpoint(saved: tuple[str, Path]) -> None:
    name, path = saved
    assert find_format(PrmConfig(path=str(path))) == name


def test_batches_change_nothing(saved: tuple[str, Path]) -> None:
    name, path = saved
    together, alone = (load_prm(PrmConfig(path=str(path), format=name, batch_tokens=n)) for n in (10_000, 1))
    encoded = [together.encode(PROMPT, steps) for steps in SOLUTIONS * 2]
    for ours, theirs in zip(together.score(encoded), alone.score(encoded), strict=True):
        assert ours.step_scores == pytest.approx(theirs.step_scores, abs=1e-5)
        assert ours.prm_tokens == theirs.prm_tokens > 0


def test_every_step_stands_unaltered_in_what_is_read(saved: tuple[str, Path]) -> None:
    name, path = saved
    prm = load_prm(PrmConfig(path=str(path), format=name, step_end="\n\n"))
    for steps in SOLUTIONS:
        ids, _ = prm.encode(PROMPT, steps)
        text = prm.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        for step in steps:
            # Llama 3's template itself trims a turn.
            assert (body(step).strip() if name in ("rlhflow", "orm") else body(step)) in text


def test_too_long_a_solution_stays_unscored_and_stops_nothing(saved: tuple[str, Path]) -> None:
    name, path = saved
    prm = load_prm(PrmConfig(path=str(path), format=name))
    first, second = prm.score([prm.encode(PROMPT, ["1 + " * 600]), prm.encode(PROMPT, ["1"])])
    assert (first.step_scores, first.prm_tokens) == (None, 0)
    assert second.step_scores is not None


def test_a_separator_in_a_step_is_text(tmp_path: Path) -> None:
    prm = load_prm(PrmConfig(path=str(save_qwen(tmp_path))))
    (scores,) = prm.score([prm.encode(PROMPT, ["say <extra_0> twice\n", "done"])])
    assert scores.step_scores is not None and len(scores.step_scores) == 2


def test_an_outcome_models_scalar_can_be_kept_raw(tmp_path: Path) -> None:
    path = save_orm(tmp_path, template=None)
    raw, squashed = (load_prm(PrmConfig(path=str(path), raw_score=flag)) for flag in (True, False))
    (scalar,) = raw.score([raw.encode(PROMPT, SOLUTIONS[0])])
    (score,) = squashed.score([squashed.encode(PROMPT, SOLUTIONS[0])])
    tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModelForSequenceClassification.from_pretrained(path)
    with torch.inference_mode():
        expected = model.eval()(**tokenizer(PROMPT + "".join(SOLUTIONS[0]), return_tensors="pt")).logits[0].tolist()
    assert scalar.step_scores == pytest.approx(expected, abs=1e-4)
    assert score.step_scores == pytest.approx(torch.tensor(expected).sigmoid().tolist(), abs=1e-4)


def test_a_model_without_the_formats_weights_is_refused(tmp_path: Path) -> None:
    policy = save_tiny_policy(tmp_path)
    for name in ("token-classification", "orm"):
        with pytest.raises(RequestError, match=rf"has no weights 'score.*no model of format '{name}'; set prm.format"):
            load_prm(PrmConfig(path=str(policy), format=name))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("math-shepherd", "no single tokens for '\\+' and '-', or none for 'ки'"),
        ("rlhflow", "has no chat template"),
    ],
)
def test_a_tokenizer_without_the_formats_tokens_is_refused(tmp_path: Path, name: str, message: str) -> None:
    policy = save_tiny_policy(tmp_path)
    with pytest.raises(RequestError, match=message):
        load_prm(PrmConfig(path=str(policy), format=name)).encode("1=\n", ["1"])


@pytest.mark.parametrize(
    ("key", "value", "takers"),
    [("system", "Add.", ["qwen", "rlhflow", "orm", "qwen-orm"]), ("raw_score", True, ["orm", "qwen-orm"])],
)
def test_a_key_that_a_format_does_not_take_is_refused(saved: tuple[str, Path], key, value, takers) -> None:
    name, path = saved
    asked = PrmConfig.model_validate({"path": str(path), key: value})
    if name in takers:
        plain, prm = load_prm(PrmConfig(path=str(path))), load_prm(asked)
        one, other = (reader.score([reader.encode(PROMPT, SOLUTIONS[0])]) for reader in (plain, prm))
        assert one[0].step_scores != other[0].step_scores
        return
    with pytest.raises(RequestError) as raised:
        load_prm(asked)
    told = f"prm.{key} = {value!r}: format '{name}' does not take it; {', '.join(takers)} do: leave it out"
    assert str(raised.value) == told


def test_a_system_prompt_needs_a_template(tmp_path: Path) -> None:
    path = str(save_orm(tmp_path, template=None))
    with pytest.raises(
        RequestError, match=r"prm\.system: the ORM at .* has no chat template to put it in: leave it out"
    ):
        load_prm(PrmConfig(path=path, system="Add."))


def test_a_format_that_cannot_be_told_lists_the_choices(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="architecture LlamaForCausalLM.*cannot be told: set prm.format to one of"):
        load_prm(PrmConfig(path=str(save_tiny_policy(tmp_path))))


@pytest.mark.parametrize("part", ["math-shepherd-prm", "RLHFlow-PRM"])
def test_a_language_model_is_told_by_its_name(tmp_path: Path, part: str) -> None:
    assert find_format(PrmConfig(path=str(save_tiny_policy(tmp_path / part)))) in FORMATS


def test_the_labs_head_is_found(tmp_path: Path) -> None:
    assert isinstance(load_prm(PrmConfig(path=str(save_tiny_prm(tmp_path)))), TokenClassificationPrm)


def test_a_missing_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot load the PRM") as raised:
        load_prm(PrmConfig(path=str(tmp_path)))
    assert "\n" not in str(raised.value)
