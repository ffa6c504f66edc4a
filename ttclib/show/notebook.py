"""What the notebooks share: opening a store as a notebook means it, and saying what is missing.

A notebook must run on any store, also on one with a single policy, without scores, without search. So a
cell that may lack something runs under `missing_is_said`, and takes what an earlier cell could not
read through `need`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ttclib.analysis.difficulty import oracle_difficulty
from ttclib.errors import RequestError, TTCError
from ttclib.samples import Pool
from ttclib.show.choices import find_store
from ttclib.show.tables import plain_table_html
from ttclib.store import load_pool
from ttclib.store.contents import PolicyContents, contents
from ttclib.store.settings import greedy_pool
from ttclib.store.tree import load_tree


def open_pool(store: str | Path, policy: str | None = None, verifier: str | None = None) -> Pool:
    """The samples of one policy, from a store as a notebook names it.

    Parameters
    ----------
    store : str or pathlib.Path
        As `find_store` takes it.
    policy : str, optional
        None: the smallest that has samples, which is the one that search and revisions are for.
    verifier : str, optional
        None: the one with the most scores.

    Returns
    -------
    Pool

    Raises
    ------
    RequestError
        No such store, policy or verifier.
    """
    path = find_store(store)
    sampled = policies_with_samples(path)
    return load_pool(path, policy=policy or (sampled[0] if sampled else None), verifier=verifier)


def policies_with_samples(store: str | Path) -> list[str]:
    """Policies that have samples, the smallest first."""
    return [held.policy for held in contents(find_store(store)) if held.n_samples]


def open_larger(pool: Pool, store: str | None = None, policy: str | None = None) -> Pool:
    """The samples of a larger policy to hold a small one against: its greedy ones, where the store holds such.

    Parameters
    ----------
    pool : Pool
        Of the small policy.
    store : str, optional
        None: the same.
    policy : str, optional
        None: in the same store the next larger one, in another the smallest.

    Raises
    ------
    RequestError
        The store holds no larger policy.
    """
    if store is not None or policy is not None:
        wanted = open_pool(store or pool.store, policy)
        return greedy_pool(wanted.store, wanted.policy)
    names = policies_with_samples(pool.store)
    larger = names[names.index(pool.policy) + 1 :]
    if not larger:
        raise RequestError(
            f"'{pool.store}' holds no policy larger than '{pool.policy}': sample one with `ttc sample`, or name "
            "another store as other_store"
        )
    return greedy_pool(pool.store, larger[0])


@contextmanager
def missing_is_said() -> Iterator[None]:
    """Show what a store lacks as a sentence in the output instead of a failing cell.

    Only what ttclib itself says is caught: anything else is a mistake and fails the cell.
    """
    try:
        yield
    except TTCError as error:
        show(callout(str(error)))


def need(value: Any, what: str) -> Any:
    """The value, or where it is None an error that `missing_is_said` shows.

    Raises
    ------
    RequestError
        The value is None.
    """
    if value is None:
        raise RequestError(f"{what[:1].upper()}{what[1:]}, as said above")
    return value


def callout(text: str, title: str = "Not in this store") -> str:
    """HTML of a sentence that stands out; the text is escaped."""
    return (
        '<div class="ttc-callout" role="note" style="border-left:4px solid #E69F00;background:#fff8ec;color:#222;'
        'padding:6px 12px;margin:6px 0;line-height:1.5;max-width:52em">'
        f"<b>{escape(title)}.</b> {escape(text)}</div>"
    )


def show(html: str) -> None:
    """Display HTML that is escaped already."""
    from IPython.display import HTML, display

    display(HTML(html))


def contents_html(held: list[PolicyContents]) -> str:
    """What a store holds, as a table."""
    heads = ("policy", "parameters", "problems", "samples", "graded", "verifier", "tree steps", "revisions")
    rows = [
        (
            one.policy,
            "–" if one.n_parameters is None else f"{one.n_parameters:,}",
            *(f"{number:,}" if number else "–" for number in (one.n_problems, one.n_samples, one.n_graded)),
            ", ".join(one.verifiers) or "–",
            *(f"{number:,}" if number else "–" for number in (one.n_nodes, one.n_revisions)),
        )
        for one in held
    ]
    return plain_table_html(heads, rows, names=(0, 5))


def references_of(pool: Pool, held: list[PolicyContents]) -> dict[str, float]:
    """Accuracy of the store's larger policies when they answer once, by name, on the pool's problems.

    Parameters
    ----------
    pool : Pool
        Of the small policy.
    held : list of PolicyContents

    Returns
    -------
    dict of str to float
        Empty where there is no larger policy, or none of its samples is graded.
    """
    names = [one.policy for one in held if one.n_samples]
    found = {}
    for name in names[names.index(pool.policy) + 1 :]:
        other = load_pool(pool.store, policy=name)
        same = np.isin(other.problem_ids, pool.problem_ids)
        ease = oracle_difficulty(other.correct[same])
        if len(ease) and not np.isnan(ease).all():
            found[f"{name}, one answer"] = float(np.nanmean(ease))
    return found


def questions_html(held: list[PolicyContents]) -> str:
    """The notebooks, what each asks, and whether a store can answer it."""
    policies = [one for one in held if one.n_samples]
    has = {
        "samples": bool(policies),
        "scores": any(one.verifiers for one in policies),
        "tree steps": any(one.n_nodes for one in held),
        "revisions": any(one.n_revisions for one in held),
        "two policies": len(policies) > 1,
    }
    rows = []
    for name, (question, needs) in QUESTIONS.items():
        lacking = [need for need in needs if not has[need]]
        answer = "✓" if not lacking else f"lacks {' and '.join(lacking)}"
        rows.append(
            f'<tr><td class="name"><a href="{name}.ipynb">{name}</a></td><td class="name">{escape(question)}</td>'
            f'<td class="name">{escape(answer)}</td></tr>'
        )
    heads = ("notebook", "asks", "this store")
    # Made as an empty table and filled, as only these cells hold links.
    return plain_table_html(heads, [], names=(0, 1, 2)).replace("<tbody></tbody>", f"<tbody>{''.join(rows)}</tbody>")


QUESTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "01_replay": ("What would more samples have bought, and how should one be picked?", ("samples",)),
    "02_difficulty": ("How hard are the problems, and who can tell?", ("samples",)),
    "03_search": ("Does searching step by step beat drawing whole answers?", ("samples", "scores", "tree steps")),
    "04_revisions": ("Is an answer better for having seen the last one?", ("revisions",)),
    "05_frontier": ("Which strategy is best at which budget, and what does it all cost?", ("samples", "scores")),
    "06_crossover": ("A larger model, or a small one that thinks longer?", ("samples", "two policies")),
    "07_scaling_fits": ("What would ten times as many samples cover?", ("samples",)),
    "08_samples": ("What did the model write, and where does the verifier err?", ("samples", "scores")),
    "09_compare_stores": ("How do two policies or two verifiers differ?", ("samples",)),
}


def open_trees(pool: Pool) -> Trees:
    """The sample trees of a pool's policy, of the problems that a search has drawn more of than the pool.

    Raises
    ------
    RequestError, TTCError
        The store holds no scores, or no search was run.
    """
    trees = load_tree(pool.store, policy=pool.policy, setting=pool.setting, verifier=pool.verifier)
    searched = trees.searched()
    if not searched.problem_ids:
        raise RequestError(
            f"'{pool.store}' holds no tree search of policy '{pool.policy}': collect one with `ttc search`"
        )
    return searched
