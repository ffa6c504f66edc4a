"""One ledger of what a strategy costs; every item is a switch, the same on every axis.

A strategy reports what it did (`ttclib.replay.outcomes.COSTS`: tokens decoded, read, attended to); the
ledger says which of it is charged and at what price. The prices are facts about the models, and a fact
that is not known is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ttclib.analysis.cost import KINETICS_INTENSITY, gqa_ratio, kv_elements_per_token
from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import ModelFacts

UNITS = ("generations", "tokens", "flops")


@dataclass(frozen=True)
class Ledger:
    """What is charged.

    Attributes
    ----------
    unit : {"generations", "tokens", "flops"}
        Generations are charged as the papers do and know no other item than difficulty. Tokens are
        decoded ones, with the switches `prefill`, `pruned`, `rollouts` and `verifier`. FLOPs are
        2·P a token, with all switches.
    attention : bool
        ``4·L·d`` FLOPs for every token attended to while decoding. Prefilling and the verifier are
        charged 2·P a token without it: what they attend to is not recorded.
    prefill : bool
        Prompt and prefix tokens that the policy reads.
    prefix_cache : bool
        A prefix is read once, not anew by every request; for KV traffic, trials that decode side by
        side share one reading of what they have in common.
    verifier : bool
        2·P FLOPs of the verifier a token that it reads.
    kv_traffic : bool
        Bytes of KV cache read while decoding, times `intensity`: FLOPs become eFLOPs.
    pruned, rollouts : bool
        Tokens in steps that no returned answer contains; in lookahead rollouts. Off: left out of the tokens.
    difficulty : bool
        The samples that told how hard a problem is, where a strategy depends on it.
    intensity : float
        FLOPs in the time of one byte.
    """

    unit: str = "flops"
    attention: bool = False
    prefill: bool = False
    prefix_cache: bool = True
    verifier: bool = False
    kv_traffic: bool = False
    pruned: bool = True
    rollouts: bool = True
    difficulty: bool = False
    intensity: float = KINETICS_INTENSITY

    def __post_init__(self) -> None:
        one_of(self.unit, UNITS, "unit")

    @property
    def label(self) -> str:
        """The axis in words: unit and what is charged."""
        names = {"generations": "generations", "tokens": "tokens", "flops": "eFLOPs" if self.kv_traffic else "FLOPs"}
        charged = [name for name in ("attention", "prefill", "verifier", "kv_traffic") if getattr(self, name)]
        left = [name for name in ("pruned", "rollouts") if not getattr(self, name)]
        if self.unit == "generations":
            charged, left = [], []
        elif self.unit == "tokens":
            charged = [name for name in charged if name in ("prefill", "verifier")]
        items = [*charged, *(["difficulty"] if self.difficulty else []), *(f"without {name}" for name in left)]
        return f"{names[self.unit]} a problem" + (f" ({', '.join(items)})" if items else "")

    def with_switches(self, switches: Mapping[str, Any]) -> Ledger:
        """The same ledger with some items switched.

        Raises
        ------
        RequestError
            No such item, or a value it cannot take.
        """
        for name, value in switches.items():
            one_of(name, SWITCHES, "ledger item")
            wanted = {"unit": str, "intensity": (int, float)}.get(name, bool)
            if not isinstance(value, wanted) or (name == "intensity" and isinstance(value, bool)):  # type: ignore[arg-type]
                allowed = {"unit": ", ".join(UNITS), "intensity": "a number"}.get(name, "true or false")
                raise RequestError(f"ledger item {name} = {value!r}: allowed {allowed}")
        return replace(self, **switches)

    def price(self, outcomes: Outcomes, policy: ModelFacts | None, verifier: ModelFacts | None = None) -> np.ndarray:
        """Cost of a strategy in this ledger's unit, shape (problems, budgets); NaN: not defined there.

        Parameters
        ----------
        outcomes : Outcomes
        policy, verifier : ModelFacts or None
            Needed for FLOPs; `verifier` only where it is charged.

        Raises
        ------
        RequestError
            A fact about a model or a cost of the strategy is not known; the line says which.
        """
        cost = _costs_of(outcomes)
        if self.unit == "generations":
            budgets = np.broadcast_to(np.asarray(outcomes.budgets, dtype=float), outcomes.accuracy.shape)
            return cost("generations") if "generations" in outcomes.costs else budgets
        tokens = cost("completion_tokens")
        for name in ("pruned", "rollouts"):
            if not getattr(self, name):
                left_out = cost(f"{name.removesuffix('s')}_tokens")
                if self.unit == "flops" and (self.attention or self.kv_traffic) and np.nansum(left_out) > 0:
                    raise RequestError(
                        f"{name} = false with attention or kv_traffic: what those tokens attended to is not recorded "
                        f"for '{outcomes.variant}'; charge them, or leave attention and kv_traffic out"
                    )
                tokens = tokens - left_out
        if self.prefill:
            tokens = tokens + cost("cached_prefill_tokens" if self.prefix_cache else "prefill_tokens")
        reads = cost("prm_tokens") if self.verifier else np.zeros(tokens.shape)
        if self.unit == "tokens":
            return tokens + reads
        facts = _facts_of(policy, "policy")
        total = 2.0 * facts("n_parameters") * tokens
        if np.nansum(reads) > 0:
            total = total + 2.0 * _facts_of(verifier, "verifier")("n_parameters") * reads
        if self.attention or self.kv_traffic:
            kv = kv_elements_per_token(facts("n_layers"), facts("n_kv_heads"), facts("head_dim"))
            if self.attention:
                total = total + 2.0 * gqa_ratio(facts("n_heads"), facts("n_kv_heads")) * kv * cost("context_tokens")
            if self.kv_traffic:
                read = cost("kv_tokens" if self.prefix_cache else "context_tokens")
                total = total + self.intensity * 2.0 * kv * read
        return total


SWITCHES = tuple(Ledger.__dataclass_fields__)
LEDGERS = {
    # Generations alone: the verifier, the prompt and the knowledge of difficulty are free.
    "snell": Ledger(unit="generations"),
    # Compute and memory traffic of decoding; no verifier in that paper's setting.
    "kinetics": Ledger(attention=True, kv_traffic=True),
    "all-in": Ledger(attention=True, prefill=True, verifier=True, kv_traffic=True, difficulty=True),
}


def ledger(preset: str = "snell", **switches: Any) -> Ledger:
    """A ledger by its preset, with items switched.

    Parameters
    ----------
    preset : {"snell", "kinetics", "all-in"}
        Generations as Snell et al. count them; eFLOPs of decoding; eFLOPs of everything.
    **switches
        Items of `Ledger`.

    Examples
    --------
    >>> ledger("all-in", kv_traffic=False).label
    'FLOPs a problem (attention, prefill, verifier, difficulty)'
    """
    one_of(preset, LEDGERS, "preset")
    return LEDGERS[preset].with_switches(switches)


def _costs_of(outcomes: Outcomes) -> Callable[[str], np.ndarray]:
    def cost(name: str) -> np.ndarray:
        table = outcomes.cost(name)
        if np.isnan(table[~np.isnan(outcomes.accuracy)]).all() and not np.isnan(outcomes.accuracy).all():
            raise RequestError(f"{name} of '{outcomes.variant}' are not known: switch off what charges them")
        return table

    return cost


def _facts_of(model: ModelFacts | None, role: str) -> Callable[[str], int]:
    def fact(name: str) -> int:
        value = getattr(model, name, None)
        if value is None:
            whose = f"{role} '{model.model}'" if model is not None else role
            raise RequestError(f"the store does not know {name} of the {whose}: give models.{name}, or another ledger")
        return int(value)

    return fact
