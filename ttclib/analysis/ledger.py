"""One ledger of what a strategy costs; every item is a switch, the same on every axis.

A strategy reports what it did (`ttclib.replay.outcomes.COSTS`: tokens decoded, read, attended to) and of
whom (`Source`); the ledger says which of it is charged and at what price. The prices are facts about the
models, and a fact that is not known is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ttclib.analysis.columns import strategy_label
from ttclib.analysis.cost import KINETICS_INTENSITY, gqa_ratio, kv_elements_per_token
from ttclib.errors import RequestError, one_of
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import ModelFacts

UNITS = ("generations", "tokens", "flops", "dollars", "serial_tokens")
_UNIT_LABELS = {
    "generations": "generations",
    "tokens": "tokens",
    "flops": "FLOPs",
    "dollars": "US dollars",
    "serial_tokens": "tokens one after the other",
}


class MissingFact(RequestError):
    """A fact about a model, or a cost of a strategy, that the ledger needs is not known."""


@dataclass(frozen=True)
class Ledger:
    """What is charged."""

    # {"generations", "tokens", "flops", "dollars", "serial_tokens"}; generations are charged as the papers do and know
    # no other item than difficulty. Tokens are decoded ones, with the switches `prefill`, `pruned`, `rollouts` and
    # `verifier`. FLOPs are 2·P a token, with all switches. Dollars are list prices of a million tokens read and
    # written. Serial tokens are those decoded one after the other, which must be waited for: of parallel samples the
    # longest.
    unit: str = "flops"
    # `4·L·d` FLOPs for every token attended to while decoding. Prefilling and the verifier are charged 2·P a token
    # without it: what they attend to is not recorded.
    attention: bool = False
    prefill: bool | None = None  # prompt and prefix tokens that the policy reads. None: in dollars yes, else no.
    # a prefix is read once, not anew by every request; for KV traffic, trials that decode side by side share one
    # reading of what they have in common. None: in dollars no (every sample pays its prompt unless the price list says
    # cached), else yes.
    prefix_cache: bool | None = None
    verifier: bool = False  # what the verifier reads: 2·P FLOPs, or its price, a token
    kv_traffic: bool = False  # bytes of KV cache read while decoding, times `intensity`: FLOPs become eFLOPs
    # pruned, rollouts: tokens in steps that no returned answer contains; in lookahead rollouts. Off: left out of the
    # tokens.
    pruned: bool = True
    rollouts: bool = True
    difficulty: bool = False  # the samples that told how hard a problem is, where a strategy depends on it
    intensity: float = KINETICS_INTENSITY  # FLOPs in the time of one byte
    # of serial tokens: how many decoded tokens one token that the verifier reads while others wait is worth
    serial_reading: float = 0.0

    def __post_init__(self) -> None:
        one_of(self.unit, UNITS, "unit")

    @property
    def reads_prompts(self) -> bool:
        """Whether prompts and prefixes are charged."""
        return self.unit == "dollars" if self.prefill is None else self.prefill

    @property
    def caches_prefixes(self) -> bool:
        """Whether a prefix is charged once."""
        return self.unit != "dollars" if self.prefix_cache is None else self.prefix_cache

    @property
    def label(self) -> str:
        """The axis in words: unit and what is charged."""
        allowed = {
            "generations": (),
            "tokens": ("prefill", "verifier"),
            "flops": ("attention", "prefill", "verifier", "kv_traffic"),
            "dollars": ("verifier",),
            "serial_tokens": (),
        }[self.unit]
        on = {
            "attention": self.attention,
            "prefill": self.reads_prompts,
            "verifier": self.verifier,
            "kv_traffic": self.kv_traffic,
        }
        items = [name for name in allowed if on[name]]
        if self.unit == "dollars":
            items += ["prompts not charged"] if not self.reads_prompts else ["cached prompts"] * self.caches_prefixes
        if self.unit == "serial_tokens" and self.serial_reading:
            items.append(f"a token read by the verifier as {self.serial_reading:g}")
        if self.difficulty:
            items.append("difficulty")
        if self.unit in ("tokens", "flops", "dollars"):
            items += [f"without {name}" for name in ("pruned", "rollouts") if not getattr(self, name)]
        unit = "eFLOPs" if self.unit == "flops" and self.kv_traffic else _UNIT_LABELS[self.unit]
        return f"{unit} a problem" + (f" ({', '.join(items)})" if items else "")

    def with_switches(self, switches: Mapping[str, Any]) -> Ledger:
        """The same ledger with some items switched.

        Raises
        ------
        RequestError
            No such item, or a value it cannot take.
        """
        for name, value in switches.items():
            one_of(name, SWITCHES, "ledger item")
            if name == "unit":
                allowed, fits = ", ".join(UNITS), value in UNITS
            elif name in ("intensity", "serial_reading"):
                allowed = "a number from 0 up"
                fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
            else:
                allowed, fits = "true or false", isinstance(value, bool)
            if not fits:
                raise RequestError(f"ledger item {name} = {value!r}: allowed {allowed}")
        return replace(self, **switches)

    def price(self, outcomes: Outcomes) -> np.ndarray:
        """Cost of a strategy in this ledger's unit, shape (problems, budgets); NaN: not defined there.

        The facts are those of `outcomes.source`: its policy, and its verifier where that is charged.

        Raises
        ------
        MissingFact
            (a RequestError) A fact about a model or a cost of the strategy is not known; the line says which.
        RequestError
            Switches that exclude each other.
        """
        cost = _costs_of(outcomes)
        if self.unit == "generations":
            budgets = np.broadcast_to(np.asarray(outcomes.budgets, dtype=float), outcomes.accuracy.shape)
            return cost("generations") if "generations" in outcomes.costs else budgets.copy()
        if self.unit == "serial_tokens":
            waited = cost("serial_tokens")
            if self.serial_reading:
                waited = waited + self.serial_reading * cost("serial_prm_tokens")
            return waited
        written = cost("completion_tokens")
        for name in ("pruned", "rollouts"):
            if not getattr(self, name):
                left_out = cost(f"{name.removesuffix('s')}_tokens")
                if self.unit == "flops" and (self.attention or self.kv_traffic) and np.nansum(left_out) > 0:
                    raise RequestError(
                        f"{name} = false with attention or kv_traffic: what those tokens attended to is not recorded "
                        f"for '{outcomes.variant}'; charge them, or leave attention and kv_traffic out"
                    )
                written = written - left_out
        nothing = np.zeros(written.shape)
        read = "cached_prefill_tokens" if self.caches_prefixes else "prefill_tokens"
        prompts = cost(read) if self.reads_prompts else nothing
        judged = cost("prm_tokens") if self.verifier else nothing
        if self.unit == "tokens":
            return written + prompts + judged
        policy = _facts_of(outcomes.source.policy_model, "policy", outcomes.source.policy)
        verifier = _facts_of(outcomes.source.verifier_model, "verifier", outcomes.source.verifier or "")
        if self.unit == "dollars":
            total = policy("usd_per_mtok_output") * written
            if self.reads_prompts:
                total = total + policy("usd_per_mtok_input") * prompts
            if np.nansum(judged) > 0:
                total = total + verifier("usd_per_mtok_input") * judged
            return total / 1e6
        return self._flops(written + prompts, judged, policy, verifier, cost)

    def reading_price(self, outcomes: Outcomes) -> np.ndarray:
        """Cost of one pass over each problem's prompt, shape (problems,); generations count none.

        Raises
        ------
        MissingFact
            (a RequestError) The prompt's length, the policy's size or its price is not known.
        """
        if self.unit == "generations":
            return np.zeros(len(outcomes.problem_ids))
        column = int(np.argmin(outcomes.budgets))
        tokens = _costs_of(outcomes)("cached_prefill_tokens")[:, column]
        if self.unit in ("tokens", "serial_tokens"):
            return tokens
        policy = _facts_of(outcomes.source.policy_model, "policy", outcomes.source.policy)
        if self.unit == "dollars":
            return tokens * policy("usd_per_mtok_input") / 1e6
        return 2.0 * policy("n_parameters") * tokens

    def _flops(
        self, tokens: np.ndarray, judged: np.ndarray, policy: _Fact, verifier: _Fact, cost: Callable[[str], np.ndarray]
    ) -> np.ndarray:
        total = 2.0 * policy("n_parameters") * tokens
        if np.nansum(judged) > 0:
            total = total + 2.0 * verifier("n_parameters") * judged
        if self.attention or self.kv_traffic:
            shape = (int(policy(name)) for name in ("n_layers", "n_kv_heads", "head_dim"))
            kv = kv_elements_per_token(*shape)
            if self.attention:
                shared = gqa_ratio(int(policy("n_heads")), int(policy("n_kv_heads")))
                total = total + 2.0 * shared * kv * cost("context_tokens")
            if self.kv_traffic:
                read = cost("kv_tokens" if self.caches_prefixes else "context_tokens")
                total = total + self.intensity * 2.0 * kv * read
        return total


_Fact = Callable[[str], float]
SWITCHES = tuple(Ledger.__dataclass_fields__)
LEDGERS = {
    # Generations alone: the verifier, the prompt and the knowledge of difficulty are free.
    "snell": Ledger(unit="generations"),
    # Compute and memory traffic of decoding; no verifier in that paper's setting.
    "kinetics": Ledger(attention=True, kv_traffic=True),
    "all-in": Ledger(attention=True, prefill=True, verifier=True, kv_traffic=True, difficulty=True),
    # What an API bills; what must be waited for.
    "dollars": Ledger(unit="dollars"),
    "waiting": Ledger(unit="serial_tokens"),
}


def ledger(preset: str = "snell", **switches: Any) -> Ledger:
    """A ledger by its preset, with items switched.

    Parameters
    ----------
    preset : {"snell", "kinetics", "all-in", "dollars", "waiting"}
        Generations as Snell et al. count them; eFLOPs of decoding; eFLOPs of everything; list prices; tokens
        decoded one after the other.
    **switches
        Items of `Ledger`.

    Examples
    --------
    >>> ledger("all-in", kv_traffic=False).label
    'FLOPs a problem (attention, prefill, verifier, difficulty)'
    """
    one_of(preset, LEDGERS, "preset")
    return LEDGERS[preset].with_switches(switches)


def priced(outcomes: Sequence[Outcomes], by: Ledger) -> tuple[list[Outcomes], list[np.ndarray], list[str]]:
    """Strategies with their prices; of several policies, those that lack a fact are left out and named.

    Returns
    -------
    outcomes, prices, notes : list
        A line in `notes` for each policy that is left out.

    Raises
    ------
    MissingFact
        There is one policy only, or all of them lack something.
    """
    tables: list[np.ndarray | None] = []
    missing: dict[str, MissingFact] = {}
    for one in outcomes:
        try:
            tables.append(by.price(one))
        except MissingFact as lacking:
            tables.append(None)
            missing.setdefault(one.source.policy, lacking)
    whole = [at for at, one in enumerate(outcomes) if one.source.policy not in missing]
    if missing and not whole:
        raise next(iter(missing.values()))
    notes = [f"policy '{name}' is left out: {why}" for name, why in missing.items()]
    return [outcomes[at] for at in whole], [table for at in whole if (table := tables[at]) is not None], notes


def _costs_of(outcomes: Outcomes) -> Callable[[str], np.ndarray]:
    def cost(name: str) -> np.ndarray:
        table = outcomes.cost(name)
        defined = ~np.isnan(outcomes.accuracy)
        if defined.any() and np.isnan(table[defined]).all():
            policy = outcomes.source.policy
            of = f" of policy '{policy}'" if policy else ""
            what = f"{name.replace('_', ' ')} of {strategy_label(outcomes.variant)}{of}"
            raise MissingFact(f"{what} are not known: switch off what charges them")
        return table

    return cost


def _facts_of(model: ModelFacts | None, role: str, name: str) -> _Fact:
    def fact(wanted: str) -> float:
        value = getattr(model, wanted, None)
        if value is None:
            called = model.model if model is not None else name
            whose = f"{role} '{called}'" if called else role
            raise MissingFact(
                f"the store does not know {wanted} of the {whose}: give it with `ttc models`, or take another ledger"
            )
        return float(value)

    return fact
