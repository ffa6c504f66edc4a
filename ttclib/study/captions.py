"""What a reader must know of a number, in words, said from the data it was made from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ttclib.samples import FEW_UNKNOWN, ModelFacts, Pool, Verifier
from ttclib.study.labels import policy_labels

AGGREGATION_LABELS = {
    "last": "last step's score",
    "min": "lowest step score",
    "prod": "product of step scores",
    "mean": "mean step score",
}


def source(pool: Pool, n_problems: int | None = None) -> str:
    """Where samples come from: store, policy, benchmark, problems × samples, temperature."""
    sizes = pool.pool_sizes
    each = f"{sizes.min():,}" if sizes.min() == sizes.max() else f"{sizes.min():,}–{sizes.max():,}"
    parts = [Path(pool.store).name, f"policy {pool.policy}"]
    if pool.benchmark:
        parts.append(pool.benchmark)
    count = len(pool.problem_ids)
    shown = f"{count}" if n_problems in (None, count) else f"{n_problems} of {count}"
    parts.append(f"{shown} problems × {each} samples")
    parts.append(setting_line(pool))
    return " · ".join(parts)


def setting_line(pool: Pool) -> str:
    """The keys of a setting that move results most."""
    keys = pool.setting.keys
    said = []
    temperature = keys.get("temperature")
    said.append("temperature not recorded" if temperature is None else f"temperature {temperature:g}")
    said += [
        f"{name.replace('_', ' ')} {keys[name]}" for name in ("reasoning_effort", "reasoning_tokens") if name in keys
    ]
    return ", ".join(said)


def selection_line(verifier: Verifier | None, aggregation: str) -> str:
    """Who selects, and by which score."""
    if verifier is None:
        return "no verifier's scores"
    if verifier.kind == "prm":
        return f"scored by {verifier.label}, {AGGREGATION_LABELS.get(aggregation, aggregation)}"
    return f"scored by {verifier.label}"


def lengths_line(pool: Pool, whose: str) -> str:
    """Of how many samples nobody knows how long they are, and what follows; empty: of none, or of all."""
    unknown, count = pool.n_unknown_lengths, int(pool.present.sum())
    if unknown in (0, count):
        return ""
    said = f"{unknown:,} of {count:,} samples of {whose} have no token count: "
    if unknown <= FEW_UNKNOWN * count:
        return said + "in what they cost they count as the mean of their problem's others"
    return said + "too many for the others to stand for them, so that what their problems cost is unknown"


def prices_line(models: Iterable[ModelFacts | None]) -> str:
    """The prices that are charged, each with its date, and whether the store states it; empty: none is known."""
    known = {one.model: one.price_line for one in models if one is not None and one.price_line}
    labels = policy_labels(list(known))
    return "prices: " + "; ".join(map(" ".join, zip(labels, known.values(), strict=True))) if known else ""


def bands_line(level: float = 0.95) -> str:
    """What the bands are."""
    return f"bands: {level * 100:g} % intervals over problems"
