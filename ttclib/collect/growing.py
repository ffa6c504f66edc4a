"""The sample tree while it grows: what the store holds of a problem, and the steps that are added to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ttclib.collect.engines.types import Engine
from ttclib.collect.steps import split_steps
from ttclib.config import RunConfig
from ttclib.errors import RequestError
from ttclib.problems import Problem
from ttclib.replay.tree import ROOT, SampleTree, Step, parent_of
from ttclib.store import connect
from ttclib.store.remaining import step_rows


@dataclass(slots=True)
class DrawnStep:
    """A step with what it takes to draw and to score what follows."""

    token_ids: tuple[int, ...]
    text: str
    finish_reason: str | None  # None: more can follow
    score: float | None = None  # None: not read; NaN: could not be scored
    prm_tokens: float = math.nan


@dataclass
class GrowingTree:
    """The tree of one problem."""

    problem: Problem
    prompt_tokens: int  # as the store has it, until the policy is there to say
    steps: dict[str, DrawnStep] = field(default_factory=dict)

    def view(self) -> SampleTree:
        """The tree as searches ask it; it sees what is added later."""
        return SampleTree(self.prompt_tokens, self._look_up)

    def path_steps(self, path: str) -> list[DrawnStep]:
        """The steps on a path, from the first."""
        found = []
        while path != ROOT:
            found.append(self.steps[path])
            path = parent_of(path)
        return found[::-1]

    def _look_up(self, path: str) -> Step | None:
        step = self.steps.get(path)
        if step is None:
            return None
        return len(step.token_ids), step.finish_reason is not None, step.score, step.prm_tokens


def load_growing(
    config: RunConfig, problems: Sequence[Problem], n_first: int, *, notify: Callable[[str], None] = lambda text: None
) -> list[GrowingTree]:
    """What the store holds of the problems' trees, the pool's first `n_first` samples among it.

    Raises
    ------
    RequestError
        A problem without samples, or samples without token ids.
    """
    policy, setting = config.policy.name, config.setting_row()["setting"]
    verifier = None if config.prm is None else config.prm.name
    trees = {problem.problem_id: GrowingTree(problem, 0) for problem in problems}
    with connect(config.store, notify=notify) as con:
        held = step_rows(con, policy, setting, verifier, list(trees), n_first)
    for problem_id, path, token_ids, text, finish_reason, is_read, score, prm_tokens in held.nodes:
        trees[problem_id].steps[path] = DrawnStep(
            tuple(token_ids),
            text,
            finish_reason,
            _read(is_read, score),
            math.nan if prm_tokens is None else prm_tokens,
        )
    own = {(problem_id, path) for problem_id, path, *_ in held.nodes}
    for problem_id, index, token_ids, step_tokens, *rest in held.samples:
        if token_ids is None or step_tokens is None:
            raise RequestError(
                f"sample {index} of problem '{problem_id}' in '{config.store}' has no token ids, which a search needs "
                "as prefixes: sample it with `ttc sample`, into another store or under another policy's name"
            )
        trees[problem_id].prompt_tokens = rest[-1]
        if (problem_id, str(index)) not in own:
            _add_sample(trees[problem_id].steps, index, token_ids, step_tokens, config, *rest)
    for problem_id, path, score, prm_tokens in held.read_of_pool:
        if (step := trees[problem_id].steps.get(path)) is not None:
            step.score = _read(True, score)
            step.prm_tokens = math.nan if prm_tokens is None else prm_tokens
    bare = [name for name, tree in trees.items() if not tree.prompt_tokens]
    if bare:
        raise RequestError(
            f"problem '{bare[0]}'{f' and {len(bare) - 1:,} more have' if len(bare) > 1 else ' has'} no samples of "
            f"'{policy}' in '{config.store}', on which searches build: run `ttc sample` first"
        )
    return list(trees.values())


def check_tokenizer(config: RunConfig, engine: Engine, trees: Iterable[GrowingTree]) -> None:
    """Refuse a store whose tokens are another tokenizer's: its ids would be another text's prefix.

    Raises
    ------
    RequestError
    """
    for tree in trees:
        prompt_tokens = len(engine.encode(tree.problem.prompt))
        step = next(iter(tree.steps.values()), None)
        try:
            text = "" if step is None else engine.tokenizer.decode(list(step.token_ids), skip_special_tokens=True)
        except (IndexError, KeyError, OverflowError, TypeError, ValueError):  # an id beyond its vocabulary
            text = None
        same_text = step is None or (text is not None and text.strip() == step.text.strip())
        if prompt_tokens != tree.prompt_tokens or not same_text:
            raise RequestError(
                f"what '{config.store}' holds of policy '{config.policy.name}' on problem "
                f"'{tree.problem.problem_id}' was not written by the tokenizer of '{config.policy.path}': give the "
                "policy another name, or use the model it was sampled with"
            )


def _add_sample(
    steps: dict[str, DrawnStep],
    index: int,
    token_ids: Sequence[int],
    step_tokens: Sequence[int],
    config: RunConfig,
    completion: str,
    finish_reason: str,
    is_read: bool | None,
    step_scores: list[float] | None,
    prm_tokens: int | None,
    prompt_tokens: int,
) -> None:
    """A sample as a chain of steps."""
    texts = split_steps(completion, config.sampling.step_delimiter)
    path, begin = str(index), 0
    for number, n_tokens in enumerate(step_tokens):
        end, last = begin + n_tokens, number == len(step_tokens) - 1
        score: float | None = None
        if is_read and step_scores is None:
            score = math.nan
        elif step_scores is not None and len(step_scores) == len(step_tokens):
            score = step_scores[number]
        elif step_scores and last:  # an outcome verifier
            score = step_scores[-1]
        read = math.nan if prm_tokens is None else prm_tokens * (prompt_tokens + end) / (prompt_tokens + len(token_ids))
        text = texts[number] if number < len(texts) else ""
        steps[path] = DrawnStep(tuple(token_ids[begin:end]), text, finish_reason if last else None, score, read)
        path, begin = f"{path}.0", end


def _read(is_read: bool | None, score: float | None) -> float | None:
    return (math.nan if score is None else score) if is_read else None
