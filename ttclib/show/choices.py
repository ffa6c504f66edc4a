"""What can be asked of a pool, so that a control offers only what has an answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ttclib.analysis.curves import DIFFICULTIES, NEEDS_SCORES, STRATEGIES
from ttclib.errors import one_of
from ttclib.samples import LOGPROB, Pool
from ttclib.show.theme import style_of
from ttclib.store.packed import packed_path

DEMO, MADE_HERE = Path("store/demo.duckdb"), Path("runs/lab.duckdb")
VERIFIER_LABELS = {"prm": "PRM", LOGPROB: "policy log-probability"}


def find_store(path: str | Path) -> Path:
    """A store's path as a notebook means it.

    JupyterLab runs a notebook in the notebook's folder, a report runs it where the command was
    given; a relative path is usually meant from the project's. So it is looked for in the current
    folder and then in those above.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    pathlib.Path
        The file; the path as given where there is none, for the reader to complain about. In place of
        the demo store, where it is not there, the one that ``ttc sample lab`` makes.
    """
    wanted = Path(path)
    for name in (wanted, *([MADE_HERE] if wanted == DEMO else [])):
        for folder in (Path.cwd(), *Path.cwd().parents):
            if (folder / name).exists() or packed_path(folder / name).exists():
                return folder / name
    return wanted


def verifiers_of(pool: Pool) -> list[str]:
    """The verifiers whose scores a pool holds, of ``prm`` and ``logprob``."""
    held = {"prm": pool.scores["last"], LOGPROB: pool.scores[LOGPROB]}
    return [name for name, scores in held.items() if not np.isnan(scores).all()]


def difficulties_of(pool: Pool) -> list[str]:
    """The kinds of difficulty that a pool can be cut by; the predicted one needs a PRM."""
    return list(DIFFICULTIES) if "prm" in verifiers_of(pool) else ["oracle"]


def replayable(pool: Pool, strategies: Sequence[str], verifier: str = "prm") -> tuple[list[str], str]:
    """Of some strategies those that a pool can answer, and what is to be said about the rest.

    Parameters
    ----------
    pool : Pool
    strategies : sequence of str
    verifier : {"prm", "logprob"}
        What is to score a sample.

    Returns
    -------
    kept : list of str
        In the given order.
    note : str
        One sentence that names what was left out and why; empty when nothing was.

    Raises
    ------
    RequestError
        An unknown strategy or verifier.
    """
    one_of(verifier, VERIFIER_LABELS, "verifier")
    for strategy in strategies:
        one_of(strategy, STRATEGIES, "strategy")
    held = verifiers_of(pool)
    if verifier in held:
        return list(strategies), ""
    kept = [strategy for strategy in strategies if strategy not in NEEDS_SCORES]
    left_out = [style_of(strategy).label for strategy in strategies if strategy in NEEDS_SCORES]
    if not left_out:
        return kept, ""
    remedy = (
        f' Set verifier = "{held[0]}" to select by the {VERIFIER_LABELS[held[0]]} instead.'
        if held
        else " Score the samples with `ttc score` to add them."
    )
    return kept, f"The store holds no {VERIFIER_LABELS[verifier]} scores: {' and '.join(left_out)} left out.{remedy}"
