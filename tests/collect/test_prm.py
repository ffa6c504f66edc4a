from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from tests.models import save_tiny_prm
from ttclib.collect.verifiers import TokenClassificationPrm
from ttclib.config import PrmConfig
from ttclib.errors import RequestError

SOLUTIONS = [
    ("(3+4)*(9-2)=\n", ["7*(9-2)\n", "7*7\n", "49\n", "#49"]),
    ("1+1=\n", ["2\n", "#2"]),
    ("1+1=\n", [""]),
]


@pytest.mark.parametrize("num_labels", [1, 2])
def test_scores_are_read_at_step_ends(tmp_path: Path, num_labels: int) -> None:
    path = save_tiny_prm(tmp_path, num_labels)
    prm = TokenClassificationPrm(PrmConfig(path=str(path)))
    read = prm.score([prm.encode(prompt, steps) for prompt, steps in SOLUTIONS])
    model, tokenizer = AutoModelForTokenClassification.from_pretrained(path).eval(), AutoTokenizer.from_pretrained(path)
    for (prompt, steps), scores in zip(SOLUTIONS, read, strict=True):
        assert scores.step_scores is not None and len(scores.step_scores) == len(steps)
        text = prompt
        for step, score in zip(steps, scores.step_scores, strict=True):
            text += step if step.endswith("\n") else step + "\n"
            with torch.inference_mode():
                logits = model(**tokenizer(text, return_tensors="pt")).logits[0, -1]
            expected = logits[0].sigmoid() if num_labels == 1 else logits.softmax(-1)[1]
            assert score == pytest.approx(expected.item(), abs=1e-4)
        assert scores.prm_tokens == len(tokenizer(text)["input_ids"])


def test_batches_change_nothing(tmp_path: Path) -> None:
    path = save_tiny_prm(tmp_path)
    reads = []
    for batch_tokens in (1, 50, 10_000):
        prm = TokenClassificationPrm(PrmConfig(path=str(path), batch_tokens=batch_tokens))
        reads.append([r.step_scores for r in prm.score([prm.encode(*solution) for solution in SOLUTIONS * 3])])
    for other in reads[1:]:
        for ours, theirs in zip(reads[0], other, strict=True):
            assert ours == pytest.approx(theirs, abs=1e-5)


def test_a_solution_beyond_the_window_stays_unscored_and_stops_nothing(tmp_path: Path) -> None:
    prm = TokenClassificationPrm(PrmConfig(path=str(save_tiny_prm(tmp_path))))
    long, short = prm.encode("1=\n", ["1\n" * 100]), prm.encode("1=\n", ["1"])
    first, second = prm.score([long, short])
    assert first.step_scores is None
    assert second.step_scores is not None


def test_a_solution_that_just_fills_the_window_is_read(tmp_path: Path) -> None:
    prm = TokenClassificationPrm(PrmConfig(path=str(save_tiny_prm(tmp_path, max_position_embeddings=16))))
    fitting, longer = prm.encode("1=\n", ["1" * 11]), prm.encode("1=\n", ["1" * 12])
    assert (len(fitting[0]), len(longer[0])) == (16, 17)  # with the token that begins it, and the step's end
    assert [one.step_scores is None for one in prm.score([fitting, longer, ([], [])])] == [False, True, True]
    assert prm.score([]) == []


def test_a_head_of_many_labels_is_refused(tmp_path: Path) -> None:
    path = save_tiny_prm(tmp_path, num_labels=5)
    with pytest.raises(RequestError, match="5 labels: allowed 1 or 2"):
        TokenClassificationPrm(PrmConfig(path=str(path)))
