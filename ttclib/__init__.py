"""Test-time compute, replayed: sample and score once, then ask any strategy at any budget.

The functions below need no model library. Collecting lives in `ttclib.collect` (extra
``transformers`` or ``vllm``), charts and widgets in `ttclib.show`.
"""

from ttclib.analysis.cost import flops_matched_multiplier, flops_per_token
from ttclib.analysis.curves import STRATEGIES, accuracy_curves, powers_of_two
from ttclib.analysis.difficulty import difficulty_bins, oracle_difficulty, predicted_difficulty
from ttclib.analysis.intervals import bootstrap_mean
from ttclib.analysis.revisions import chain_pass_at_1, correct_to_wrong, ratio_sweep
from ttclib.errors import RequestError, TTCError
from ttclib.replay.best_of_n import expected_best_of_n
from ttclib.replay.coverage import pass_at_k
from ttclib.replay.revision_outcomes import revision_outcomes, revision_splits
from ttclib.replay.revisions import revision_accuracy
from ttclib.replay.voting import majority_vote, weighted_best_of_n
from ttclib.store import Chains, SamplePool, load_chains, load_pool

__version__ = "0.1.0"

__all__ = [
    "STRATEGIES",
    "Chains",
    "RequestError",
    "SamplePool",
    "TTCError",
    "accuracy_curves",
    "bootstrap_mean",
    "chain_pass_at_1",
    "correct_to_wrong",
    "difficulty_bins",
    "expected_best_of_n",
    "flops_matched_multiplier",
    "flops_per_token",
    "load_chains",
    "load_pool",
    "majority_vote",
    "oracle_difficulty",
    "pass_at_k",
    "powers_of_two",
    "predicted_difficulty",
    "ratio_sweep",
    "revision_accuracy",
    "revision_outcomes",
    "revision_splits",
    "weighted_best_of_n",
]
