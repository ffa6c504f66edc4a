"""Think longer or train bigger? A small policy with test-time compute against a larger one, at equal FLOPs.

The larger model has cost more to train; over its life it answers queries, R tokens for every token of
the small one's pretraining. The small model may spend the same in all, so its inference budget is
multiplied by ``c = M + 3·(M − 1)/R``. With few queries (small R) c is large and test-time compute
has much to spend; with many the larger model's training is paid off. Where the two curves cross is
the answer; beyond the small policy's pool they are not defined, and nothing is extrapolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.bill import DifficultyBill
from ttclib.analysis.compute_optimal import compute_optimal
from ttclib.analysis.cost import pretrain_flops
from ttclib.analysis.crossing import RATES, CrossoverCurves, check_ratios
from ttclib.analysis.groups import align, charged_budgets, group_means, resample_weights, restrict
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.strategies import sampling_outcomes
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import ModelFacts, Pool


@dataclass(frozen=True)
class Crossover:
    """A small policy with test-time compute against a larger one.

    Attributes
    ----------
    frame : polars.DataFrame
        One row a group and exchange rate, columns as in `ROW_SCHEMA`. `bin` is null over all problems.
        `multiplier` is the generations (or the cost, in units of one sample) that the small policy may spend
        a problem; where its pool does not reach, accuracies are null. `difference` is small minus
        large, with an interval of the paired difference; `relative_gain` is the same over `accuracy_large`, as
        in the paper's Figure 1. `winner`: ``small`` or ``large`` where the interval leaves out 0.
    crossings : polars.DataFrame
        One row a group, columns as in `CROSSING_SCHEMA`. `crossing` is the R above which the larger model is
        ahead throughout: null where the small one stays ahead, or never is; an end of its interval is
        null where it is open. `supported`: the point and both ends lie within the range looked at.
        `defined_from` is the smallest R for which the pool is large enough.
    param_ratio, training_tokens_ratio, large_budget : float
        M, t and m of `flops_matched_multiplier`.
    small, large, unit : str
        The two sides in words, and what is held equal.
    curves : CrossoverCurves
        Both sides in every replicate: `at` reads other rates from them without another bootstrap.
    """

    frame: pl.DataFrame
    crossings: pl.DataFrame
    param_ratio: float
    training_tokens_ratio: float
    large_budget: int
    small: str
    large: str
    unit: str
    curves: CrossoverCurves

    def at(
        self,
        ratios: Sequence[float],
        *,
        param_ratio: float | None = None,
        training_tokens_ratio: float | None = None,
    ) -> Crossover:
        """The same comparison at other exchange rates, or with other ratios of the models, at once.

        Raises
        ------
        RequestError
            As `crossover` does for what is impossible.
        """
        m_ratio = self.param_ratio if param_ratio is None else float(param_ratio)
        t_ratio = self.training_tokens_ratio if training_tokens_ratio is None else float(training_tokens_ratio)
        frame, crossings = self.curves.tables(ratios, m_ratio, t_ratio, self.large_budget)
        return replace(self, frame=frame, crossings=crossings, param_ratio=m_ratio, training_tokens_ratio=t_ratio)


def crossover(
    small: Sequence[Outcomes],
    large: Outcomes,
    *,
    ratios: Sequence[float] = RATES,
    small_model: ModelFacts | None = None,
    large_model: ModelFacts | None = None,
    param_ratio: float | None = None,
    training_tokens_ratio: float | None = None,
    large_budget: int = 1,
    bins: ArrayLike | None = None,
    difficulty: str = "oracle",
    ledger: Ledger = LEDGERS["snell"],
    verifier: ModelFacts | None = None,
    bill: DifficultyBill | None = None,
    n_assignments: int = 100,
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
) -> Crossover:
    """Compare at equal FLOPs of pretraining and inference, over a range of exchange rates.

    Parameters
    ----------
    small : sequence of Outcomes
        The small policy's strategies; of several the compute-optimal choice is taken.
    large : Outcomes
        The larger model: one greedy sample (`greedy_outcomes`), or any strategy for `large_budget`.
    ratios : sequence of float
        R = inference tokens / pretraining tokens of the small model, where inference tokens are those of
        one answer a query. Rows are given for these; crossings are looked for over `RATES` as well.
    small_model, large_model : ModelFacts, optional
        Parameters, and what else the ledger needs.
    param_ratio : float, optional
        M; None: from the models' parameters.
    training_tokens_ratio : float, optional
        t; None: from the models, and 1, the paper's assumption, where one of them is unknown.
    large_budget : int
        Generations that the larger model is given.
    bins : array_like of int, shape (problems of the first of `small`,), optional
        Bins of the small policy's difficulty; None: all problems as one.
    difficulty : str
        What the bins are made by, for the labels.
    ledger : Ledger
        In generations, the small budget is c itself, as in the paper. In FLOPs, eFLOPs or tokens both sides'
        answers are priced as sampled, and the difference in pretraining, 6·N·D each, is shared by the queries.
    verifier, bill
        As in `frontier`.
    n_assignments, level, n_resamples, seed
        As in `frontier`. Problems are resampled for both sides at once, and strategies chosen anew.

    Raises
    ------
    RequestError
        R <= 0, M < 1, parameters or other facts that the models lack, a larger model without the budget, no
        shared problem, and as `compute_optimal` does.
    """
    m_ratio = model_ratio(param_ratio, small_model, large_model)
    t_ratio = _training_ratio(training_tokens_ratio, small_model, large_model)
    check_ratios(ratios, m_ratio, t_ratio, large_budget)
    if large_budget not in charged_budgets(large):
        held = ", ".join(map(str, charged_budgets(large)))
        raise RequestError(f"'{large.variant}' has no budget {large_budget}: it has {held}")
    ours, theirs, numbers = _paired(small, large, bins, large_budget)
    n_groups = 1 if bins is None else 1 + int(numbers.max())
    weights = resample_weights(len(numbers), n_resamples, seed)
    column = charged_budgets(theirs).index(large_budget)
    accuracy_large = group_means(theirs.accuracy[:, [column]], numbers, weights)[:, :n_groups, 0]
    extra: np.ndarray | float = 0.0
    if len(ours) == 1:
        one = ours[0]
        means = group_means(one.accuracy, numbers, weights)[:, :n_groups]
    else:
        chosen = compute_optimal(ours, numbers, difficulty=difficulty, n_assignments=n_assignments, seed=seed)
        one = chosen.outcomes
        means = chosen.resampled(weights)[:, :n_groups]
        if ledger.difficulty:
            if bill is None:
                raise RequestError("this ledger charges difficulty: say how many samples told it, or switch it off")
            extra = bill.price(chosen, ledger, small_model, verifier)
    # A budget that one of the problems does not reach would compare other problems with the larger model's.
    means[:, :, np.isnan(one.accuracy).any(axis=0)] = np.nan
    price = _Prices(ledger, small_model, large_model, verifier, numbers, n_groups)
    curves = CrossoverCurves(
        small=means,
        large=accuracy_large,
        axis=price.by_group(one, small_model, extra),
        single=price.single(ours),
        answer=price.by_group(theirs, large_model)[:, column],
        pretraining=price.pretraining(ours),
        in_flops=ledger.unit == "flops",
        sizes=tuple(len(numbers) if g == 0 else int((numbers == g).sum()) for g in range(n_groups)),
        level=level,
    )
    frame, crossings = curves.tables(ratios, m_ratio, t_ratio, large_budget)
    return Crossover(
        frame=frame,
        crossings=crossings,
        param_ratio=m_ratio,
        training_tokens_ratio=t_ratio,
        large_budget=large_budget,
        small=one.variant,
        large=large.variant,
        unit=ledger.label,
        curves=curves,
    )


def greedy_outcomes(pool: Pool, *, allow_sampled: bool = False) -> Outcomes:
    """The larger model's one answer: its greedy sample, or pass@1 where that is asked for.

    Parameters
    ----------
    pool : Pool
        Of a setting with temperature 0, unless `allow_sampled`.
    allow_sampled : bool
        Take the mean accuracy of samples drawn at a temperature instead; the result is then called
        ``sampled_pass_at_1``, so that every chart says so.

    Raises
    ------
    RequestError
        The samples are not greedy.
    """
    temperature = pool.setting.keys.get("temperature")
    one = sampling_outcomes(pool, "pass_at_k", [1])
    if temperature == 0:
        return _renamed(one, "greedy")
    if allow_sampled:
        return _renamed(one, "sampled_pass_at_1")
    drawn = "an unknown temperature" if temperature is None else f"temperature {temperature:g}"
    raise RequestError(
        f"policy '{pool.policy}' has no greedy sample, only samples at {drawn}: sample it at temperature 0, "
        "or ask for its mean accuracy instead with --allow-sampled"
    )


def _renamed(one: Outcomes, name: str | None = None) -> Outcomes:
    """The larger side under a name of its own, so that both sides may run the same strategy."""
    strategy, variant = (name, name) if name else (one.strategy, f"{one.variant} of the larger model")
    return Outcomes(strategy, variant, one.budgets, one.problem_ids, one.accuracy, one.costs)


def model_ratio(given: float | None, small: ModelFacts | None, large: ModelFacts | None) -> float:
    """M as given, or from the models' parameters.

    Raises
    ------
    RequestError
        Parameters that are not known, or a larger model that is the smaller one.
    """
    if given is not None:
        return float(given)
    sizes = []
    for model, side in ((small, "small"), (large, "large")):
        if model is None or model.n_parameters is None:
            name = f"policy '{model.model}'" if model is not None else f"{side} policy"
            raise RequestError(f"the store does not know n_parameters of the {name}: give --param-ratio")
        sizes.append(model.n_parameters)
    if sizes[1] < sizes[0]:
        raise RequestError(
            f"the larger model has {sizes[1]:,} parameters, the small one {sizes[0]:,}: "
            "param_ratio must be at least 1; swap them"
        )
    return sizes[1] / sizes[0]


def _training_ratio(given: float | None, small: ModelFacts | None, large: ModelFacts | None) -> float:
    if given is not None:
        return float(given)
    known = [None if model is None else model.training_tokens for model in (small, large)]
    return 1.0 if known[0] is None or known[1] is None or not known[0] else known[1] / known[0]


def _paired(
    small: Sequence[Outcomes], large: Outcomes, bins: ArrayLike | None, large_budget: int
) -> tuple[list[Outcomes], Outcomes, np.ndarray]:
    """Both sides and the bins on the problems that are in a bin and that every strategy answers."""
    if not small:
        raise RequestError("no strategy of the small policy to compare: give at least one")
    n_problems = len(small[0].problem_ids)
    sides = align([*small, _renamed(large)], np.ones(n_problems, dtype=int) if bins is None else bins)
    *ours, theirs = sides.outcomes
    column = charged_budgets(theirs).index(large_budget)
    counted = (sides.bins > 0) & ~np.isnan(theirs.accuracy[:, column])
    for one in ours:
        counted &= ~np.isnan(one.accuracy).all(axis=1)
    if not counted.any():
        raise RequestError("no shared problems that both sides answer: grade their samples, or widen the bins")
    ids = [sides.problem_ids[row] for row in np.flatnonzero(counted)]
    return [restrict(one, ids) for one in ours], restrict(theirs, ids), sides.bins[counted]


@dataclass(frozen=True)
class _Prices:
    """Means of a ledger's prices by group."""

    ledger: Ledger
    small_model: ModelFacts | None
    large_model: ModelFacts | None
    verifier: ModelFacts | None
    numbers: np.ndarray
    n_groups: int

    def by_group(self, one: Outcomes, model: ModelFacts | None, extra: np.ndarray | float = 0.0) -> np.ndarray:
        """Mean price, shape (groups, budgets)."""
        table = self.ledger.price(one, model, self.verifier) + extra
        return group_means(table, self.numbers, np.ones((1, len(self.numbers))))[0, : self.n_groups]

    def single(self, ours: Sequence[Outcomes]) -> np.ndarray:
        """What one sample of the small policy costs, shape (groups,)."""
        if self.ledger.unit == "generations":
            return np.ones(self.n_groups)
        return self.by_group(_of_one_sample(ours), self.small_model)[:, 0]

    def pretraining(self, ours: Sequence[Outcomes]) -> float:
        """What a query's share of the small policy's pretraining costs, times R."""
        if self.ledger.unit == "generations":
            return 3.0
        tokens = float(np.mean(_of_one_sample(ours).cost("completion_tokens")[:, 0]))
        if self.ledger.unit == "tokens":
            return 3.0 * tokens
        n_parameters = None if self.small_model is None else self.small_model.n_parameters
        if n_parameters is None:
            raise RequestError("the store does not know n_parameters of the small policy: give models.n_parameters")
        return pretrain_flops(n_parameters, tokens)


def _of_one_sample(ours: Sequence[Outcomes]) -> Outcomes:
    """A strategy whose smallest budget is one sample."""
    for one in ours:
        if charged_budgets(one)[0] == 1:
            return one
    raise RequestError("what one sample of the small policy costs is not known: compare a strategy at budget 1 too")
