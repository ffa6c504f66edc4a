"""What a chart must say of itself, made from the data it was drawn from."""

from __future__ import annotations

from pathlib import Path

from ttclib.analysis.columns import bin_title
from ttclib.samples import LOGPROB, Pool
from ttclib.show.choices import VERIFIER_LABELS

__all__ = ["AGGREGATION_LABELS", "bands_line", "bin_title", "bins_line", "caption", "source"]

AGGREGATION_LABELS = {
    "last": "last step's score",
    "min": "lowest step score",
    "prod": "product of step scores",
    "mean": "mean step score",
}


def caption(
    pool: Pool,
    *,
    verifier: str = "prm",
    aggregation: str = "last",
    bins: int | None = None,
    difficulty: str = "oracle",
    level: float = 0.95,
) -> list[str]:
    """What a reader must know about a chart, said from the data, one string a line.

    Parameters
    ----------
    pool : Pool
    verifier, aggregation, bins, difficulty, level
        As given to `accuracy_curves`.

    Returns
    -------
    list of str
        Where the samples come from; how one is selected; what the bands are.
    """
    if verifier == LOGPROB:
        selected = f"best-of-N selects by the {VERIFIER_LABELS[LOGPROB]} (mean per token)"
    elif pool.verifier is None:
        selected = "no PRM scores"
    else:
        selected = f"best-of-N selects by PRM {pool.verifier}, {AGGREGATION_LABELS.get(aggregation, aggregation)}"
    lines = [source(pool), selected]
    if bins is not None:
        lines.append(bins_line(bins, difficulty))
    lines.append(bands_line(level))
    return lines


def source(pool: Pool) -> str:
    """Where samples come from: store, policy, benchmark, problems × samples, temperature."""
    sizes = pool.pool_sizes
    each = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()}–{sizes.max()}"
    parts = [Path(pool.store).name, f"policy {pool.policy}"]
    if pool.benchmark:
        parts.append(pool.benchmark)
    parts.append(f"{len(pool.problem_ids)} problems × {each} samples")
    temperature = pool.decoding.get("temperature")
    parts.append("temperature not recorded" if temperature is None else f"temperature {temperature:g}")
    return " · ".join(parts)


def bins_line(bins: int, difficulty: str) -> str:
    """How problems were cut into bins of difficulty."""
    kind = "oracle: each problem's own pass rate" if difficulty == "oracle" else "predicted: the PRM's mean score"
    return f"{bins} bins of equal size by difficulty ({kind})"


def bands_line(level: float = 0.95) -> str:
    """What the bands are."""
    return f"bands: {level * 100:g} % bootstrap intervals over problems"
