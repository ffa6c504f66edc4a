"""Chains of answers: what the revision model and its verifier learn from.

The revision model's are put together from parallel samples, as in Snell et al.: before each right
answer stand zero to four wrong ones to the same problem, the last of them the closest to the right
one by edit distance, so that there is something to revise. The verifier's are drawn from the revision
model itself, as it is used.

References
----------
Snell et al. 2024, arXiv:2408.03314, section 6.1 and appendix H.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ttclib.collect.engines.transformers import TransformersEngine
from ttclib.collect.engines.types import Draw, draw_seed
from ttclib.fresh_names import unfinished
from ttclib.lab.rollouts import Tree, draw_all, is_right, load_lab_engine, spend
from ttclib.problems.arithmetic import Exercise, exercises
from ttclib.revision_format import N_CONTEXT, revision_prefix, separator_text

SEPARATOR = "\n\n{prompt}"  # an empty line, which no answer holds, and the problem again
VERIFIER_CONTEXT = 1  # latest earlier answers that the verifier reads: all four would be twice the tokens
_PROBLEMS_A_BLOCK = 100


@dataclass(frozen=True)
class Chain:
    """Answers to one problem, oldest first.

    Attributes
    ----------
    prompt : str
    earlier : tuple of str
    answer : str
    is_correct : bool
        Of `answer`.
    """

    prompt: str
    earlier: tuple[str, ...]
    answer: str
    is_correct: bool


def put_together(trees: Sequence[Tree], *, per_problem: int, seed: int) -> list[Chain]:
    """Wrong answers before a right one.

    Parameters
    ----------
    trees : sequence of Tree
        Their roots are the parallel samples.
    per_problem : int
        Most right answers of one problem that are used.
    seed : int

    Returns
    -------
    list of Chain
        All end right. A problem without a right sample gives none; one without a wrong sample gives
        answers with nothing before them.
    """
    from rapidfuzz.distance import Levenshtein

    rng = np.random.default_rng(seed)
    chains = []
    for tree in trees:
        verdicts = [is_right(tree.exercise, text) for text in tree.roots]
        right = [text for text, verdict in zip(tree.roots, verdicts, strict=True) if verdict]
        wrong = [text for text, verdict in zip(tree.roots, verdicts, strict=True) if not verdict]
        for text in (right[i] for i in rng.permutation(len(right))[:per_problem]):
            n_before = min(int(rng.integers(N_CONTEXT + 1)), len(wrong))
            before: list[str] = []
            if n_before:
                closest = min(range(len(wrong)), key=lambda i: Levenshtein.distance(wrong[i], text))
                others = [i for i in rng.permutation(len(wrong)) if i != closest][: n_before - 1]
                before = [wrong[i] for i in (*others, closest)]
            chains.append(Chain(tree.exercise.prompt, tuple(before), text, True))
    return chains


@dataclass(frozen=True)
class ChainRecipe:
    """How much is drawn of the revision model.

    Attributes
    ----------
    n_problems, n_chains, length : int
    seed : int
    """

    n_problems: int = 400
    n_chains: int = 3
    length: int = 7
    seed: int = 2000


def draw_chains(
    revision: Path,
    recipe: ChainRecipe,
    folder: Path,
    *,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> list[Chain]:
    """Draw chains of the revision model on training exercises; a sampling that was stopped continues.

    Parameters
    ----------
    revision : pathlib.Path
    recipe : ChainRecipe
    folder : pathlib.Path
        Keeps each block of exercises as one file.
    report : callable
        Called with exercises done, exercises in all and a line of text.

    Returns
    -------
    list of Chain
        One for every answer, with the answers before it that were in view.
    """
    engine = load_lab_engine(revision)
    folder.mkdir(parents=True, exist_ok=True)
    chains: list[Chain] = []
    for number, begin in enumerate(range(0, recipe.n_problems, _PROBLEMS_A_BLOCK)):
        file = folder / f"block-{number:04d}.parquet"
        n_problems = min(_PROBLEMS_A_BLOCK, recipe.n_problems - begin)
        problems = list(islice(exercises([recipe.seed, number]), n_problems))
        cells = [(problem, chain) for problem in problems for chain in range(recipe.n_chains)]
        if not file.exists():
            started = time.monotonic()
            texts = answer_again(engine, cells, recipe.length, seed=recipe.seed)
            fresh = unfinished(file)
            pl.DataFrame({"answers": texts}, schema={"answers": pl.List(pl.String)}).write_parquet(fresh)
            fresh.replace(file)
            spend(folder, time.monotonic() - started)
        for (problem, _), answers in zip(cells, pl.read_parquet(file)["answers"].to_list(), strict=True):
            chains += [
                Chain(
                    problem.prompt,
                    tuple(answers[max(0, place - N_CONTEXT) : place]),
                    answer,
                    is_right(problem, answer),
                )
                for place, answer in enumerate(answers)
            ]
        report(begin + n_problems, recipe.n_problems, "")
    return chains


def answer_again(
    engine: TransformersEngine,
    cells: Sequence[tuple[Exercise, int]],
    length: int,
    *,
    seed: int,
    temperature: float = 1.0,
) -> list[list[str]]:
    """Draw whole chains, position by position, all of them side by side.

    Parameters
    ----------
    engine : TransformersEngine
    cells : sequence of (Exercise, int)
        Problem and number of each chain.
    length : int
        Answers in a chain.
    seed : int
    temperature : float

    Returns
    -------
    list of list of str
        The answers of each chain.
    """
    ends = {engine.tokenizer.eos_token_id}
    ids: list[list[list[int]]] = [[] for _ in cells]
    texts: list[list[str]] = [[] for _ in cells]
    for position in range(length):
        draws = [
            Draw(
                tuple(prefix_ids(engine.tokenizer, problem.prompt, earlier, end_ids=ends)),
                draw_seed(seed, problem.prompt, chain * length + position),
            )
            for (problem, chain), earlier in zip(cells, ids, strict=True)
        ]
        drawn = draw_all(engine, draws, temperature=temperature)
        for own_ids, own_texts, completion in zip(ids, texts, drawn, strict=True):
            own_ids.append(completion.token_ids)
            own_texts.append(completion.text)
    return texts


def context_ids(tokenizer: Any, chain: Chain, *, n_context: int = N_CONTEXT) -> list[int]:
    """Token ids of the prompt and the latest earlier answers."""
    earlier = [encode_text(tokenizer, text) for text in chain.earlier]
    return prefix_ids(tokenizer, chain.prompt, earlier, n_context=n_context)


def prefix_ids(
    tokenizer: Any,
    prompt: str,
    earlier: Sequence[Sequence[int]],
    *,
    end_ids: Collection[int] = (),
    n_context: int = N_CONTEXT,
) -> list[int]:
    """What the next answer of a chain is drawn after, as `ttc revise` makes it with the lab's separator."""
    between = encode_text(tokenizer, separator_text(SEPARATOR, prompt))
    return revision_prefix(tokenizer(prompt)["input_ids"], earlier, between, end_ids=end_ids, n_context=n_context)


def encode_text(tokenizer: Any, text: str) -> list[int]:
    """Token ids without a start token."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
