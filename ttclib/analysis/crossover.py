"""Think longer or train bigger? A small policy with test-time compute against a larger one, at equal FLOPs.

The larger model has cost more to train; over its life it answers queries, R tokens for every token of
the small one's pretraining. The small model may spend the same in all, so its inference budget is
multiplied by ``c = M + 3·(M − 1)/R``. With few queries (small R) c is large and test-time compute
has much to spend; with many the larger model's training is paid off. The small side is the optimiser's choice
at most at that cost; where its pool ends below, it is used in full, which is said and is a lower bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from ttclib.analysis.candidates import Candidates, candidates_of, generations, of_rows, on_shared_rows
from ttclib.analysis.cost import flops_matched_multiplier, pretrain_flops
from ttclib.analysis.crossover_tables import crossing_rows, crossover_rows, reach_lines
from ttclib.analysis.difficulty import Bill, Difficulty
from ttclib.analysis.ledger import LEDGERS, Ledger
from ttclib.analysis.optimise import FOLDS, PARTITIONS, Choice, mean_by_group, optimise
from ttclib.analysis.resampling import DRAWS_THAT_CHOOSE
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import ModelFacts

RATES = tuple(np.logspace(-3, 3, 121).tolist())  # the range of R in which a crossing is looked for


@dataclass(frozen=True)
class Crossover:
    """A small policy with test-time compute against a larger one."""

    # one row a bin (null: all problems) and exchange rate, columns as in `ROW_SCHEMA`. `multiplier` is c, what the
    # small policy may spend in units of one of its samples; `at_most` the same in the ledger's unit, `cost` what its
    # choice really spends. `difference` is small minus large, with an interval of the paired difference;
    # `relative_gain` is the same over `accuracy_large`, as in the paper's Figure 1. `winner`: `small`, `large`, `too
    # close`, or null: nothing is affordable. `pool_ends_at`: the dearest candidate in the store, where that lies below
    # `at_most`; then the small side is a lower bound.
    frame: pl.DataFrame
    # one row a bin, columns as in `CROSSING_SCHEMA`. `crossing` is the R above which the larger model is ahead
    # throughout: null where the small one stays ahead, or never is; an end of its interval is null where it is open.
    # `supported`: the point and both ends lie within the range looked at. `pool_reaches_from` is the smallest R at
    # which the pool holds all that is affordable.
    crossings: pl.DataFrame
    # param_ratio, training_tokens_ratio: M and t of `flops_matched_multiplier`
    param_ratio: float
    training_tokens_ratio: float
    large_budget: int
    # small, large, unit: the two sides in words, and what is held equal and charged
    small: str
    large: str
    unit: str
    choice: Choice  # of the small side, at the limits of every rate
    notes: list[str]
    asked: dict[str, Any] = field(repr=False, compare=False, default_factory=dict)

    def only(self, ratios: Sequence[float]) -> Crossover:
        """The same comparison, of its exchange rates these alone; who is ahead stays as it was told of all."""
        wanted = pl.any_horizontal(pl.col("exchange_rate").is_close(rate) for rate in ratios)
        return replace(self, frame=self.frame.filter(wanted))

    def at(
        self,
        ratios: Sequence[float],
        *,
        param_ratio: float | None = None,
        training_tokens_ratio: float | None = None,
    ) -> Crossover:
        """The same comparison at other exchange rates, or with other ratios of the models.

        Raises
        ------
        RequestError
            As `crossover` does for what is impossible.
        """
        given = dict(self.asked)
        given["ratios"] = ratios
        given["param_ratio"] = self.param_ratio if param_ratio is None else param_ratio
        other = self.training_tokens_ratio if training_tokens_ratio is None else training_tokens_ratio
        given["training_tokens_ratio"] = other
        return crossover(**given)


def crossover(
    small: Sequence[Outcomes],
    large: Sequence[Outcomes] | Outcomes,
    ratios: Sequence[float] = RATES,
    difficulty: Difficulty | None = None,
    *,
    main_ratios: Sequence[float] | None = None,
    ledger: Ledger = LEDGERS["snell"],
    param_ratio: float | None = None,
    training_tokens_ratio: float | None = None,
    large_budget: int = 1,
    bill: Bill | None = None,
    folds: int = FOLDS,
    partitions: int = PARTITIONS,
    level: float = 0.95,
    n_resamples: int = DRAWS_THAT_CHOOSE,
    seed: int = 0,
) -> Crossover:
    """Compare at equal FLOPs of pretraining and inference, over a range of exchange rates.

    Parameters
    ----------
    small : sequence of Outcomes
        The small policy's strategies, of which the best choice at most at each cost is taken.
    large : Outcomes or sequence of Outcomes
        The larger model: usually one greedy answer. One strategy is taken at `large_budget` itself, of several the
        best choice of at most so many generations, cross-fitted like the small side's.
    ratios : sequence of float
        R = inference tokens / pretraining tokens of the small model, where inference tokens are those of one answer a
        query. Rows are given for these; crossings are looked for over `RATES` as well.
    difficulty : Difficulty, optional
        For the small policy.
    main_ratios : sequence of float, optional
        Who is ahead at these is corrected for the comparisons at these; at any other R for these and its own, as a
        reader looks at one R more. None: at every R for those at all.
    ledger : Ledger
        In generations, the limit is c itself, as in the paper. In FLOPs, eFLOPs or tokens both sides' answers are
        priced as sampled, and the difference in pretraining, 6·N·D each, is shared by the queries.
    param_ratio : float, optional
        M; None: from the models' parameters.
    training_tokens_ratio : float, optional
        t; None: from the models, and 1, the paper's assumption, where one of them is unknown.
    large_budget : int
        Generations that the larger model is given.
    bill : Bill, optional
        As in `ttclib.analysis.frontier.frontier`; only the small side needs difficulty.
    folds, partitions, level, n_resamples, seed
        As in `frontier`. Problems are resampled for both sides at once.

    Raises
    ------
    RequestError
        R <= 0, M < 1, a ledger in which pretraining has no price, parameters or other facts that the models lack, a
        larger model without the budget, no shared problem, and as `optimise` does.
    """
    theirs = [large] if isinstance(large, Outcomes) else list(large)
    asked = {
        "small": small, "large": theirs, "ratios": ratios, "difficulty": difficulty, "main_ratios": main_ratios,
        "ledger": ledger, "large_budget": large_budget, "bill": bill, "folds": folds, "partitions": partitions,
        "level": level, "n_resamples": n_resamples, "seed": seed,
    }  # fmt: skip
    if not small or not theirs:
        raise RequestError(f"no strategy of the {'larger' if small else 'small'} policy to compare: give at least one")
    if ledger.unit not in ("generations", "tokens", "flops"):
        raise RequestError(
            f"FLOPs are matched in generations, tokens or flops, not in {ledger.unit}, in which pretraining has no "
            "price: ask `ttc frontier` with both policies for the best of the two within each cost"
        )
    models = (small[0].source.policy_model, theirs[0].source.policy_model)
    m_ratio, t_ratio = model_ratio(param_ratio, *models), training_ratio(training_tokens_ratio, *models)
    if not len(ratios):
        raise RequestError("no exchange rate: give at least one, such as 0.16,0.79,22")
    for rate in ratios:
        flops_matched_multiplier(m_ratio, rate, training_tokens_ratio=t_ratio, large_budget=large_budget)
    ours, theirs, told = _paired(small, theirs, difficulty, large_budget)
    able = candidates_of(ours, told, ledger=ledger, bill=bill)
    # Only the small side's bins need difficulty: the larger model answers every problem alike.
    other = candidates_of(theirs, told, ledger=replace(ledger, difficulty=False))
    asked_of: dict[str, Any] = {
        "difficulty": told, "folds": folds, "partitions": partitions, "n_resamples": n_resamples, "seed": seed,
    }  # fmt: skip
    accuracy, cost, draws = _larger(other, large_budget, asked_of)
    single, answer = _single(able, ledger), cost if ledger.unit == "flops" else cost * m_ratio
    share = _pretraining(able, ledger) * (m_ratio * t_ratio - 1)
    rates = np.unique([*np.asarray(ratios, dtype=float), *RATES, *_steps(able, answer, share)])
    allowed = answer[:, None] + share / rates
    order = np.argsort(rates)[::-1]  # limits ascend as R falls
    limits = np.maximum.accumulate(allowed[1:, order], axis=1)
    choice = optimise(able, limits, beside=accuracy[:, None], **asked_of)
    both = (choice.beside[:, :, :1] if draws is None else draws, choice)
    frame = crossover_rows(rates, order, ratios, allowed, single, accuracy, *both, level, main_ratios)
    crossings = crossing_rows(rates, order, allowed, accuracy, *both, level)
    return Crossover(
        frame=frame,
        crossings=crossings,
        param_ratio=m_ratio,
        training_tokens_ratio=t_ratio,
        large_budget=large_budget,
        small=ours[0].variant if len(ours) == 1 else "compute_optimal",
        large=theirs[0].variant if len(theirs) == 1 else f"the best of {large_budget} generations",
        unit=_unit(ledger),
        choice=choice,
        notes=[*able.notes, *other.notes, *reach_lines(frame, ledger)],
        asked=asked,
    )


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
            raise RequestError(
                f"the store does not know n_parameters of the {name}: give it with `ttc models`, or --param-ratio"
            )
        sizes.append(model.n_parameters)
    if sizes[1] < sizes[0]:
        raise RequestError(
            f"the larger model has {sizes[1]:,} parameters, the small one {sizes[0]:,}: "
            "param_ratio must be at least 1; swap them"
        )
    return sizes[1] / sizes[0]


def training_ratio(given: float | None, small: ModelFacts | None, large: ModelFacts | None) -> float:
    """Training tokens of large over small, as given or from the models; 1, as in the paper, where one is unknown."""
    if given is not None:
        return float(given)
    known = [None if model is None else model.training_tokens for model in (small, large)]
    return 1.0 if known[0] is None or known[1] is None or not known[0] else known[1] / known[0]


def _unit(ledger: Ledger) -> str:
    """The axis, and that no verifier is charged where none is."""
    return ledger.label if ledger.verifier else f"{ledger.label}, no verifier charged"


def _paired(
    small: Sequence[Outcomes], large: Sequence[Outcomes], difficulty: Difficulty | None, large_budget: int
) -> tuple[list[Outcomes], list[Outcomes], Difficulty | None]:
    """Both sides and the difficulty on the problems that both answer."""
    for one in large if len(large) == 1 else ():
        charged = generations(one)
        if not any(np.allclose(charged[:, at], large_budget) for at in range(len(one.budgets))):
            raise RequestError(
                f"'{one.variant}' has no budget {large_budget}: it has {', '.join(map(str, one.budgets))}"
            )
    if difficulty is not None and len(difficulty.ease) != len(small[0].problem_ids):
        raise RequestError(
            f"difficulty must be of the small policy's problems: {len(small[0].problem_ids)} rows, "
            f"{len(difficulty.ease)} of the difficulty"
        )
    sides, rows = on_shared_rows([*small, *large])
    counted = np.ones(len(rows[0]), dtype=bool)
    for one in sides:
        counted &= ~np.isnan(one.accuracy).all(axis=1)
    if difficulty is not None:
        counted &= difficulty.bins[rows[0]] > 0
    if not counted.any():
        raise RequestError("no shared problems that both sides answer: grade their samples, or widen the bins")
    at = np.flatnonzero(counted)
    cut = [of_rows(one, at) for one in sides]
    told = None if difficulty is None else difficulty.of_rows(rows[0][at])
    return cut[: len(small)], cut[len(small) :], told


def _larger(
    other: Candidates, large_budget: int, asked: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The larger side: accuracy by problem, mean cost by group, and draws (replicates, groups, 1) of a choice."""
    drawn = np.column_stack([generations(other.of(j))[:, other.column[j]] for j in range(len(other))])
    if len({int(number) for number in other.which}) == 1:
        j = int(np.flatnonzero(np.isclose(drawn.mean(axis=0), large_budget))[0])
        return other.accuracy[:, j], mean_by_group(other.cost[:, [j]], other)[:, 0], None
    counted = replace(other, cost=drawn, ledger=LEDGERS["snell"])
    choice = optimise(counted, [float(large_budget)], **asked)
    if np.isnan(choice.accuracy).any():
        raise RequestError(f"the larger policy has no strategy of at most {large_budget} generations")
    order = [
        next(at for at in range(len(other)) if (other.which[at], other.column[at]) == pair)
        for pair in zip(choice.candidates.which, choice.candidates.column, strict=True)
    ]
    paid = mean_by_group(other.cost[:, order], other)
    return choice.accuracy[:, 0], (choice.used[0] * paid).sum(axis=1), choice.draws


def _of_one_sample(able: Candidates) -> int:
    """A candidate that is one sample of the small policy."""
    for j in range(len(able)):
        one = able.of(j)
        if np.allclose(generations(one)[:, able.column[j]], 1):
            return j
    raise RequestError("what one sample of the small policy costs is not known: compare a strategy at budget 1 too")


def _single(able: Candidates, ledger: Ledger) -> np.ndarray:
    """What one sample of the small policy costs, shape (1 + groups,)."""
    if ledger.unit == "generations":
        return np.ones(able.n_groups + 1)
    j = _of_one_sample(able)
    bare = replace(ledger, difficulty=False).price(able.of(j))[:, [able.column[j]]]
    return mean_by_group(bare, able)[:, 0]


def _pretraining(able: Candidates, ledger: Ledger) -> float:
    """What a query's share of the small policy's pretraining costs, times R.

    A query's share of the difference, 6·(N_l·D_l − N_s·D_s) over the R·D_s / T queries of T tokens, is
    6·N_s·T·(M·t − 1)/R. Where generations or tokens are counted they stand for 2·N_s FLOPs each on the small side and
    M times as many on the large one, which leaves the paper's formula.
    """
    if ledger.unit == "generations":
        return 3.0
    j = _of_one_sample(able)
    one = able.of(j)
    tokens = float(np.mean(one.cost("completion_tokens")[:, able.column[j]]))
    if ledger.unit == "tokens":
        return 3.0 * tokens
    model = one.source.policy_model
    assert model is not None and model.n_parameters is not None  # or its samples would have no price
    return pretrain_flops(model.n_parameters, tokens)


def _steps(able: Candidates, answer: np.ndarray, share: float) -> np.ndarray:
    """The exchange rates within `RATES` at which a group can just afford another candidate: there its curve steps."""
    spare = mean_by_group(able.cost, able) - answer[:, None]
    if share <= 0 or not (spare > 0).any():
        return np.zeros(0)
    found = np.unique((share / spare[spare > 0]).round(9))
    found = found[(found > RATES[0]) & (found < RATES[-1])]
    return found if len(found) <= len(RATES) else np.zeros(0)
