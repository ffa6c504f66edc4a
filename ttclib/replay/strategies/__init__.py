"""ttclib's own strategies, one file each; importing this room registers them, in the order of tables and legends."""

from ttclib.replay.strategies.pass_at_k import PassAtK

from ttclib.replay.strategies.majority_vote import MajorityVote  # isort: skip
from ttclib.replay.strategies.best_of_n import BestOfN  # isort: skip
from ttclib.replay.strategies.weighted_best_of_n import WeightedBestOfN  # isort: skip
from ttclib.replay.strategies.adaptive_consistency import AdaptiveConsistency  # isort: skip
from ttclib.replay.strategies.early_stopping_consistency import EarlyStoppingConsistency  # isort: skip
from ttclib.replay.strategies.first_above import FirstAbove  # isort: skip
from ttclib.replay.strategies.weighted_stop import WeightedStop  # isort: skip
from ttclib.replay.strategies.beam_search import BeamSearch  # isort: skip
from ttclib.replay.strategies.lookahead_search import LookaheadSearch  # isort: skip
from ttclib.replay.strategies.dvts import Dvts  # isort: skip
from ttclib.replay.strategies.rebase import Rebase  # isort: skip
from ttclib.replay.strategies.revisions import Revisions  # isort: skip

__all__ = [
    "AdaptiveConsistency",
    "BeamSearch",
    "BestOfN",
    "Dvts",
    "EarlyStoppingConsistency",
    "FirstAbove",
    "LookaheadSearch",
    "MajorityVote",
    "PassAtK",
    "Rebase",
    "Revisions",
    "WeightedBestOfN",
    "WeightedStop",
]
