"""Test-time compute, replayed: sample and score once, then ask any strategy at any budget.

The functions below need no model library. Collecting lives in `ttclib.collect` (extra
``transformers`` or ``vllm``), charts and widgets in `ttclib.show`.
"""

from ttclib.analysis.bill import DifficultyBill, billed_ratio, break_even_queries
from ttclib.analysis.comparing import compare_policies, matched_compute
from ttclib.analysis.compute_optimal import ComputeOptimal, compute_optimal
from ttclib.analysis.cost import flops_matched_multiplier, flops_per_token, kinetics_eflops, pretrain_flops
from ttclib.analysis.crossover import Crossover, crossover, greedy_outcomes
from ttclib.analysis.curves import STRATEGIES, accuracy_curves, curves_of_outcomes, powers_of_two
from ttclib.analysis.difficulty import (
    cheap_difficulty,
    difficulty_agreement,
    difficulty_bins,
    difficulty_table,
    oracle_difficulty,
    predicted_difficulty,
    threshold_bins,
)
from ttclib.analysis.efficiency import efficiency
from ttclib.analysis.extrapolation import extrapolate_pass_at_k, extrapolation_miss, majority_limit
from ttclib.analysis.fits import fit_beta_binomial, fit_coverage_power_law, fit_scaled_beta_binomial
from ttclib.analysis.folds import split_pool
from ttclib.analysis.frontier import Frontier, frontier, pareto
from ttclib.analysis.intervals import bootstrap_mean, paired_difference, simultaneous_band
from ttclib.analysis.ledger import Ledger, ledger
from ttclib.analysis.overthinking import length_cap_curve, outcome_efficiency
from ttclib.analysis.policy import ChosenPolicy
from ttclib.analysis.revisions import chain_pass_at_1, correct_to_wrong, ratio_sweep
from ttclib.analysis.strategies import outcomes_of, sampling_outcomes
from ttclib.analysis.verifier import verifier_quality
from ttclib.errors import RequestError, TTCError
from ttclib.replay.best_of_n import expected_best_of_n, expected_winner
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.revision_outcomes import revision_outcomes, revision_splits
from ttclib.replay.revisions import revision_accuracy
from ttclib.replay.transforms import logit, rank
from ttclib.replay.truncation import accuracy_under_caps, truncate
from ttclib.replay.voting import Election, elect, majority_vote, weighted_best_of_n
from ttclib.samples import Chains, Pool
from ttclib.store import load_chains, load_pool

__version__ = "0.1.0"

__all__ = [
    "STRATEGIES",
    "Chains",
    "ChosenPolicy",
    "ComputeOptimal",
    "Crossover",
    "DifficultyBill",
    "Election",
    "Frontier",
    "Ledger",
    "Outcomes",
    "Pool",
    "RequestError",
    "TTCError",
    "accuracy_curves",
    "accuracy_under_caps",
    "billed_ratio",
    "bootstrap_mean",
    "break_even_queries",
    "chain_pass_at_1",
    "cheap_difficulty",
    "compare_policies",
    "compute_optimal",
    "correct_to_wrong",
    "crossover",
    "curves_of_outcomes",
    "difficulty_agreement",
    "difficulty_bins",
    "difficulty_table",
    "efficiency",
    "elect",
    "expected_best_of_n",
    "expected_winner",
    "extrapolate_pass_at_k",
    "extrapolation_miss",
    "fit_beta_binomial",
    "fit_coverage_power_law",
    "fit_scaled_beta_binomial",
    "flops_matched_multiplier",
    "flops_per_token",
    "frontier",
    "greedy_outcomes",
    "kinetics_eflops",
    "ledger",
    "length_cap_curve",
    "load_chains",
    "load_pool",
    "logit",
    "majority_limit",
    "majority_vote",
    "matched_compute",
    "oracle_difficulty",
    "outcome_efficiency",
    "outcomes_of",
    "paired_difference",
    "pareto",
    "pass_at_k",
    "powers_of_two",
    "predicted_difficulty",
    "pretrain_flops",
    "rank",
    "ratio_sweep",
    "revision_accuracy",
    "revision_outcomes",
    "revision_splits",
    "sampling_outcomes",
    "simultaneous_band",
    "split_pool",
    "threshold_bins",
    "truncate",
    "verifier_quality",
    "weighted_best_of_n",
]
