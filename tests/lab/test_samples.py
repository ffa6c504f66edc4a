"""What the family's later parts learn from, drawn with tiny models."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.models import save_tiny_policy
from ttclib.lab.revision_data import SEPARATOR, Chain, ChainRecipe, draw_chains, put_together
from ttclib.lab.rollouts import LabelledSolution, RolloutRecipe, Tree, draw_trees, informative, label_steps
from ttclib.lab.tokenizer import build_tokenizer
from ttclib.lab.train_policy import IGNORED
from ttclib.lab.train_revision import encode
from ttclib.lab.train_verifier import Judged
from ttclib.lab.train_verifier import encode as encode_judged
from ttclib.problems.arithmetic import Exercise
from ttclib.revision_format import separator_text

PROBLEM = Exercise("1+1+1", 2, 3, "2+1\n3\n#3")


def test_labels_are_the_share_of_right_solutions_through_a_step() -> None:
    texts = ["2+1\n3\n#3", "2+1\n4\n#4", "2+1\n3\n#9", "1+3\n4\n#4"]
    labelled = label_steps([PROBLEM], [(0, text) for text in texts])
    assert [solution.labels for solution in labelled] == [
        (1 / 3, 1 / 2, 1.0),
        (1 / 3, 0.0, 0.0),
        (1 / 3, 1 / 2, 0.0),
        (0.0, 0.0, 0.0),
    ]
    assert [solution.is_correct for solution in labelled] == [True, False, False, False]


def test_all_of_the_undecided_and_some_of_the_others_are_kept() -> None:
    def solution(problem: int, right: bool) -> LabelledSolution:
        return LabelledSolution(problem, ("#1",), (float(right),), right)

    undecided = [solution(0, True), solution(0, False)]
    decided = [solution(number, False) for number in range(1, 201)]
    kept = informative([*undecided, *decided], share=0.2)
    assert kept[:2] == undecided
    assert 20 < len(kept) - 2 < 60


def test_trees_are_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttclib.lab.rollouts._PROBLEMS_A_BLOCK", 3)
    monkeypatch.setattr("ttclib.lab.rollouts.MAX_TOKENS", 12)
    policy = save_tiny_policy(tmp_path / "policy", max_position_embeddings=512)
    recipe = RolloutRecipe(n_problems=5, n_root=2, n_branches=1, n_rollouts=2)
    trees = draw_trees(policy, recipe, tmp_path / "work")
    assert len(trees) == 5
    assert all(len(tree.roots) == 2 and len(tree.branches) == 2 for tree in trees)
    (tmp_path / "work" / "block-0001.parquet").unlink()  # stopped after the first block
    monkeypatch.setattr("ttclib.lab.rollouts._draw_block", _only_block(1))
    assert draw_trees(policy, recipe, tmp_path / "work") == trees


def _only_block(wanted: int):
    from ttclib.lab.rollouts import _draw_block

    def draw(engine, problems, recipe, number):
        assert number == wanted
        return _draw_block(engine, problems, recipe, number)

    return draw


def test_wrong_answers_stand_before_a_right_one_the_closest_last() -> None:
    wrong = ("9+9\n18\n#18", "2+1\n4\n#4", "1+3\n4\n#4", "7\n#7", "#5")
    tree = Tree(PROBLEM, ("2+1\n3\n#3", *wrong, "2+1\n3\n#3"), ())
    chains = [chain for seed in range(60) for chain in put_together([tree], per_problem=1, seed=seed)]
    assert {len(chain.earlier) for chain in chains} == {0, 1, 2, 3, 4}
    for chain in chains:
        assert chain.answer == "2+1\n3\n#3" and chain.is_correct and chain.prompt == PROBLEM.prompt
        assert set(chain.earlier) <= set(wrong) and len(set(chain.earlier)) == len(chain.earlier)
        if chain.earlier:
            assert chain.earlier[-1] == "2+1\n4\n#4"  # two characters away, all others more
    assert put_together([Tree(PROBLEM, wrong, ())], per_problem=4, seed=0) == []
    alone = put_together([Tree(PROBLEM, ("#3", "#3"), ())], per_problem=4, seed=0)
    assert [chain.earlier for chain in alone] == [(), ()]


def test_the_loss_is_read_on_the_right_answer_alone() -> None:
    tokenizer = build_tokenizer()
    example = encode(tokenizer, Chain("1+2=\n", ("#4", "#5"), "3\n#3", True))
    text = tokenizer.decode(example.ids)
    between = separator_text(SEPARATOR, "1+2=\n")
    assert text == f"<bos>1+2=\n#4{between}#5{between}3\n#3<eos>" and between.endswith("1+2=\n")
    counted = [token for token, target in zip(example.ids, example.targets, strict=True) if target != IGNORED]
    assert tokenizer.decode(counted) == "3\n#3<eos>"
    assert [t for t in example.targets if t != IGNORED] == counted


def test_a_verifier_is_told_at_every_token_what_became_of_its_step() -> None:
    (example,) = encode_judged(build_tokenizer(), [Judged([1, 4, 18, 19], ("12\n", "#3\n\n"), (0.5, 1.0))])
    assert example.targets == [
        *[None] * 4,
        (0.5, False, False),
        (0.5, False, False),
        (0.5, True, False),
        (1.0, False, False),
        (1.0, False, False),
        (1.0, True, True),
    ]


def test_chains_hold_the_latest_four_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttclib.lab.rollouts.MAX_TOKENS", 8)
    revision = save_tiny_policy(tmp_path / "revision", max_position_embeddings=512)
    recipe = ChainRecipe(n_problems=2, n_chains=2, length=7)
    chains = draw_chains(revision, recipe, tmp_path / "work")
    assert len(chains) == 2 * 2 * 7
    assert [len(chain.earlier) for chain in chains[:7]] == [0, 1, 2, 3, 4, 4, 4]
    assert chains[6].earlier == tuple(chain.answer for chain in chains[2:6])
    assert draw_chains(revision, recipe, tmp_path / "work") == chains
