"""Test-time compute, replayed: sample and score once, then ask any strategy at any budget.

The functions below need no model library. Collecting lives in `ttclib.collect` (extra
``transformers`` or ``vllm``), charts and widgets in `ttclib.show`.
"""

from ttclib.analysis.cost import flops_matched_multiplier, flops_per_token
from ttclib.analysis.curves import STRATEGIES, accuracy_curves, curves_of_outcomes, powers_of_two
from ttclib.analysis.difficulty import difficulty_bins, oracle_difficulty, predicted_difficulty
from ttclib.analysis.intervals import bootstrap_mean, paired_difference, simultaneous_band
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
from ttclib.store import Chains, SamplePool, load_chains, load_pool

__version__ = "0.1.0"

__all__ = [
    "STRATEGIES",
    "Chains",
    "Election",
    "Outcomes",
    "RequestError",
    "SamplePool",
    "TTCError",
    "accuracy_curves",
    "accuracy_under_caps",
    "bootstrap_mean",
    "chain_pass_at_1",
    "correct_to_wrong",
    "curves_of_outcomes",
    "difficulty_bins",
    "elect",
    "expected_best_of_n",
    "expected_winner",
    "flops_matched_multiplier",
    "flops_per_token",
    "load_chains",
    "load_pool",
    "logit",
    "majority_vote",
    "oracle_difficulty",
    "outcomes_of",
    "paired_difference",
    "pass_at_k",
    "powers_of_two",
    "predicted_difficulty",
    "rank",
    "ratio_sweep",
    "revision_accuracy",
    "revision_outcomes",
    "revision_splits",
    "sampling_outcomes",
    "simultaneous_band",
    "truncate",
    "verifier_quality",
    "weighted_best_of_n",
]
