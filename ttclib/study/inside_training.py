"""Steps in training, steps at inference, or samples: accuracy against tokens of training, and all compute over R."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.catching_up import Route, catch_up, total_compute
from ttclib.analysis.resampling import interval
from ttclib.errors import RequestError, one_of
from ttclib.replay.coverage import pass_at_k
from ttclib.samples import Pool
from ttclib.store import load_pool
from ttclib.study import inside_findings
from ttclib.study.answers import Answer
from ttclib.study.captions import bands_line, samples_line
from ttclib.study.inside_results import InsideTraining
from ttclib.study.opening import Notify, find_store
from ttclib.study.question import question
from ttclib.study.study import open as open_study
from ttclib.study.study import policies_with_samples

CHECKPOINT = "@"  # NAME@… is a checkpoint of NAME
RATES = tuple(np.logspace(-3, 3, 49).tolist())
IN_TRAINING, LONGER, BY_SAMPLES, BY_VOTE, IN_THE_PROMPT = (
    "steps in training",
    "more training without steps",
    "samples with a perfect verifier",
    "samples by majority vote",
    "steps in the prompt",
)


def ask_inside_training(
    store: str | Path,
    without: str,
    other: str,
    *,
    few_shot: str | None = None,
    benchmark: str | None = None,
    exchange_rates: Sequence[float] = RATES,
    seed: int = 0,
    notify: Notify = lambda text: None,
) -> Answer[InsideTraining]:
    """How much data the side without steps needs, and the cheapest way over R.

    Parameters
    ----------
    store : str or pathlib.Path
    without, other : str
        Policies; ``NAME@…`` are their checkpoints.
    few_shot : str, optional
        The first side with steps in its prompt.
    benchmark : str, optional
    exchange_rates : sequence of float
        R: tokens of inference over tokens of training, where every query is one answer of `other`.
    seed : int
    notify : callable

    Raises
    ------
    RequestError
        No such policy, no shared problem, or parameters, training tokens or lengths are not known.
    """
    path = find_store(store)
    there = policies_with_samples(path, notify=notify)
    for name in (without, other, *([few_shot] if few_shot else [])):
        one_of(name, there, "policy")
    families = {name: [one for one in there if one == name or one.startswith(name + CHECKPOINT)]
                for name in (without, other)}  # fmt: skip
    wanted = [*families[without], *families[other], *([few_shot] if few_shot else [])]
    pools = {name: load_pool(path, policy=name, benchmark=benchmark, notify=notify) for name in wanted}
    tokens = {name: _training_tokens(pools[name]) for name in wanted}
    shared = set.intersection(*(set(pool.problem_ids) for pool in pools.values()))
    ids = [name for name in pools[other].problem_ids if name in shared]
    if not ids:
        raise RequestError(f"the policies in '{store}' share no problem: sample them on the same ones")
    for name, pool in pools.items():
        place = {one: row for row, one in enumerate(pool.problem_ids)}
        pools[name] = pool.of_problems(np.array([place[one] for one in ids]))
        if (pools[name].n_graded == 0).any():
            raise RequestError(
                f"'{store}' has problems without a graded sample of '{name}': grade them with `ttc grade`"
            )
    accuracy = {name: pool.n_correct / pool.n_graded for name, pool in pools.items()}
    rows = [_row(side, name, tokens[name], accuracy[name], seed) for side, own in families.items() for name in own]
    frame = pl.DataFrame(rows).sort("side", "training_tokens", maintain_order=True)
    direct = sorted(families[without], key=lambda name: tokens[name])
    last = max(families[other], key=lambda name: tokens[name])
    needed = catch_up(
        np.column_stack([accuracy[name] for name in direct]), accuracy[last], [tokens[name] for name in direct],
        seed=seed,
    )  # fmt: skip
    target = float(accuracy[last].mean())
    alone = [1.0 if accuracy[name].mean() >= target else np.inf for name in direct]
    routes = [
        _route(IN_TRAINING, [last], pools, tokens, [1.0]),
        _route(LONGER, direct, pools, tokens, alone),
        _route(BY_SAMPLES, direct, pools, tokens, [_samples(pools[name], accuracy[last], seed) for name in direct]),
    ]
    if pools[without].has_answers:
        routes.append(_route(BY_VOTE, [without], pools, tokens, [_votes(pools[without], accuracy[last], seed)]))
    if few_shot:
        samples = 1.0 if accuracy[few_shot].mean() >= target else np.inf
        routes.append(_route(IN_THE_PROMPT, [few_shot], pools, tokens, [samples]))
    result = InsideTraining(
        without,
        other,
        frame,
        needed,
        max(tokens[name] for name in direct) / tokens[last],
        _row(few_shot, few_shot, tokens[few_shot], accuracy[few_shot], seed) if few_shot else None,
        target,
        total_compute(routes, exchange_rates),
    )
    each = samples_line(int(size) for pool in pools.values() for size in pool.pool_sizes)
    caption = (f"{path.name} · {len(ids)} problems × {each}", bands_line())
    return Answer(result, inside_findings.of_training(result), caption, ())


def _training_tokens(pool: Pool) -> int:
    facts = pool.policy_model
    if facts is None or not facts.training_tokens or not facts.n_parameters:
        raise RequestError(
            f"'{pool.store}' does not know parameters and training tokens of '{pool.policy}': state them with "
            f"`ttc models STORE --set {pool.policy} n_parameters=… training_tokens=…`"
        )
    if pool.counts is not None or np.isnan(pool.lengths[pool.present]).any() or np.isnan(pool.prompt_lengths).any():
        raise RequestError(f"'{pool.store}' does not know how long prompts and samples of '{pool.policy}' are")
    return facts.training_tokens


def _row(side: str, name: str, tokens: int, accuracy: np.ndarray, seed: int) -> dict[str, Any]:
    found = interval(accuracy, seed=seed)
    ends = {"accuracy": float(found.estimate), "ci_low": float(found.low), "ci_high": float(found.high)}
    return {"side": side, "policy": name, "training_tokens": tokens, **ends, "n_problems": len(accuracy)}


def _samples(pool: Pool, once: np.ndarray, seed: int) -> float:
    """Samples of a checkpoint among which there is a right one as often as one answer of the other is right."""
    ks = _sizes(pool, 8)
    curve = np.asarray(pass_at_k(pool.n_graded[:, None], pool.n_correct[:, None].astype(int), ks[None]))
    return catch_up(curve, once, ks, n_resamples=2, seed=seed).at


def _votes(pool: Pool, once: np.ndarray, seed: int) -> float:
    """Samples whose majority is right as often as one answer of the other."""
    ks = _sizes(pool, 2)
    found = open_study(pool).compared(question(strategies="majority_vote", budgets=ks.tolist(), seed=seed)).outcomes[0]
    places = {name: place for place, name in enumerate(pool.problem_ids)}
    return catch_up(found.accuracy, once[[places[name] for name in found.problem_ids]], ks, n_resamples=2, seed=seed).at


def _sizes(pool: Pool, a_doubling: int) -> np.ndarray:
    """Numbers of samples up to what every problem holds, so many a doubling, and that."""
    largest = int(pool.n_graded.min())
    some = np.round(2.0 ** (np.arange(a_doubling * np.log2(largest) + 1) / a_doubling)).astype(int)
    return np.unique([*some, largest])


def _route(
    name: str, policies: Sequence[str], pools: dict[str, Pool], tokens: dict[str, int], samples: Sequence[float]
) -> Route:
    own = [pools[policy] for policy in policies]
    return Route(
        name,
        tuple(policies),
        tuple(pool.policy_parameters or 0 for pool in own),
        tuple(tokens[policy] for policy in policies),
        tuple(float(pool.prompt_lengths.mean()) for pool in own),
        tuple(float(np.nanmean(np.where(pool.present, pool.lengths, np.nan))) for pool in own),
        tuple(samples),
    )
