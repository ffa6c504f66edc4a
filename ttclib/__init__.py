"""Test-time compute, replayed: sample and score once, then ask any strategy at any budget.

The functions below need no model library. Collecting lives in `ttclib.collect` (extra
``transformers`` or ``vllm``), charts and widgets in `ttclib.show`.
"""

from ttclib.analysis.bill import DifficultyBill, billed_ratio, break_even_queries
from ttclib.analysis.comparing import compare_policies, matched_compute
from ttclib.analysis.compute_optimal import ComputeOptimal, compute_optimal
from ttclib.analysis.cost import flops_matched_multiplier, flops_per_token, kinetics_eflops, pretrain_flops
from ttclib.analysis.crossover import Crossover, crossover, greedy_outcomes
from ttclib.analysis.curves import STRATEGIES, accuracy_curves, powers_of_two
from ttclib.analysis.difficulty import (
    cheap_difficulty,
    difficulty_agreement,
    difficulty_bins,
    difficulty_table,
    oracle_difficulty,
    predicted_difficulty,
    split_pool,
    threshold_bins,
)
from ttclib.analysis.efficiency import efficiency
from ttclib.analysis.extrapolation import extrapolate_pass_at_k, extrapolation_miss, majority_limit
from ttclib.analysis.fits import fit_beta_binomial, fit_coverage_power_law, fit_scaled_beta_binomial
from ttclib.analysis.frontier import Frontier, frontier, pareto
from ttclib.analysis.intervals import bootstrap_mean
from ttclib.analysis.ledger import Ledger, ledger
from ttclib.analysis.overthinking import length_cap_curve, outcome_efficiency
from ttclib.analysis.policy import ChosenPolicy
from ttclib.errors import RequestError, TTCError
from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.voting import majority_vote, weighted_best_of_n
from ttclib.store import SamplePool, load_pool

__version__ = "0.1.0"

__all__ = [
    "STRATEGIES",
    "ChosenPolicy",
    "ComputeOptimal",
    "Crossover",
    "DifficultyBill",
    "Frontier",
    "Ledger",
    "RequestError",
    "SamplePool",
    "TTCError",
    "accuracy_curves",
    "billed_ratio",
    "bootstrap_mean",
    "break_even_queries",
    "cheap_difficulty",
    "compare_policies",
    "compute_optimal",
    "crossover",
    "difficulty_agreement",
    "difficulty_bins",
    "difficulty_table",
    "efficiency",
    "expected_best_of_n",
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
    "load_pool",
    "majority_limit",
    "majority_vote",
    "matched_compute",
    "oracle_difficulty",
    "outcome_efficiency",
    "pareto",
    "pass_at_k",
    "powers_of_two",
    "predicted_difficulty",
    "pretrain_flops",
    "split_pool",
    "threshold_bins",
    "weighted_best_of_n",
]
