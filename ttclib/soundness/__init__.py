"""Whether a store is what was written to it: verified, repaired, merged.

What rows must be to each other is known by `ttclib.store`, what answers are worth by `ttclib.grading`; here both are
put together.
"""

from ttclib.soundness.merging import merge_stores
from ttclib.soundness.repairing import Repaired, repair_store
from ttclib.soundness.verifying import Verdict, verify_store

__all__ = ["Repaired", "Verdict", "merge_stores", "repair_store", "verify_store"]
