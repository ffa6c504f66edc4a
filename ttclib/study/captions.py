"""What a reader must know of a number, in words, said from the data it was made from."""

from __future__ import annotations

from pathlib import Path

from ttclib.samples import Pool, Verifier

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


def bands_line(level: float = 0.95) -> str:
    """What the bands are."""
    return f"bands: {level * 100:g} % intervals over problems"
