"""What a store holds, as arrays and facts: the shapes in which the store gives and replay takes.

No file, no model, no clock. Missing is NaN (−1 for an answer), never 0.
"""

from ttclib.samples.facts import ModelFacts, Questions, Setting
from ttclib.samples.pool import FEW_UNKNOWN, Chains, Pool
from ttclib.samples.scores import AGGREGATIONS, LOGPROB, NAMED_VERIFIERS, ORM, PRM, Verifier, own_logprob
from ttclib.samples.tree import Step, Steps, Tree

__all__ = [
    "AGGREGATIONS",
    "FEW_UNKNOWN",
    "LOGPROB",
    "NAMED_VERIFIERS",
    "ORM",
    "PRM",
    "Chains",
    "ModelFacts",
    "Pool",
    "Questions",
    "Setting",
    "Step",
    "Steps",
    "Tree",
    "Verifier",
    "own_logprob",
]
