"""Test-time compute, replayed: sample and score once, then ask any strategy at any budget.

`open` gives a store's `Study`, which answers every question; the rest are the estimators on plain arrays. Nothing here
needs a model library. Collecting lives in `ttclib.collect` (extra ``transformers`` or ``vllm``), charts and widgets in
`ttclib.show`. A name is imported when it is first used, so that ``import ttclib`` is quick.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "ttclib.study.study": ("open", "Study"),
    "ttclib.interchange.frames": ("from_arrays", "from_frame"),
    "ttclib.errors": ("NotInStore", "RequestError", "TTCError"),
    "ttclib.samples": ("Chains", "ModelFacts", "Pool", "Setting", "Tree", "Verifier"),
    "ttclib.soundness": ("merge_stores", "repair_store", "verify_store"),
    "ttclib.store": ("load_chains", "load_pool"),
    "ttclib.store.copying": ("backup_store",),
    "ttclib.store.splitting": ("split_store",),
    "ttclib.replay.outcomes": ("Outcomes",),
    "ttclib.replay.estimate": ("Estimate", "grades_by_answer"),
    "ttclib.replay.strategy": ("Strategy", "strategies", "variants"),
    "ttclib.replay.selecting": ("Selection", "select"),
    "ttclib.replay.coverage": ("pass_at_k",),
    "ttclib.replay.best_of_n": ("expected_best_of_n",),
    "ttclib.replay.voting": ("majority_vote", "weighted_best_of_n"),
    "ttclib.analysis.cost": ("flops_matched_multiplier", "flops_per_token", "kinetics_eflops", "pretrain_flops"),
    "ttclib.analysis.live": ("Action", "State"),
    "ttclib.analysis.plan": ("Plan",),
    "ttclib.analysis.fits": ("fit_beta_binomial", "fit_coverage_power_law", "fit_scaled_beta_binomial"),
}
_HOMES = {name: place for place, names in _PLACES.items() for name in names}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ttclib' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
