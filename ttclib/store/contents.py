"""What a store can be asked: which policies, verifiers, trees and chains it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ttclib.store.connection import connect


@dataclass(frozen=True)
class PolicyContents:
    """What a store holds of one model.

    Attributes
    ----------
    policy : str
    n_parameters : int or None
        None: unknown.
    n_problems, n_samples : int
    n_graded : int
        Samples with a grade of right or wrong.
    verifiers : tuple of str
        That scored its samples, the one with the most scores first.
    n_nodes : int
        Steps of its sample tree beyond the samples.
    n_revisions : int
        Answers in its revision chains.
    """

    policy: str
    n_parameters: int | None
    n_problems: int
    n_samples: int
    n_graded: int
    verifiers: tuple[str, ...]
    n_nodes: int
    n_revisions: int


def contents(path: str | Path, *, notify: Callable[[str], None] = lambda text: None) -> list[PolicyContents]:
    """What a store holds, model by model: those with samples first, the smallest first.

    Parameters
    ----------
    path : str or pathlib.Path
    notify : callable
        Told in a line when waiting for a writer begins.

    Returns
    -------
    list of PolicyContents

    Raises
    ------
    RequestError
        No such store, or it is none.
    """
    with connect(path, notify=notify) as con:
        rows = con.execute(_QUERY).fetchall()
    return [
        PolicyContents(policy, parameters, n_problems, n_samples, n_graded, tuple(names or ()), n_nodes, n_revisions)
        for policy, parameters, n_problems, n_samples, n_graded, names, n_nodes, n_revisions in rows
    ]


_QUERY = """
WITH of_samples AS (
    SELECT policy, count(DISTINCT problem_id) AS n_problems, count(*) AS n_samples FROM samples GROUP BY policy
), of_grades AS (
    SELECT policy, count(DISTINCT (problem_id, setting, sample_index)) AS n_graded
    FROM grades WHERE correct IS NOT NULL GROUP BY policy
), of_scores AS (
    SELECT policy, list(verifier ORDER BY n DESC, verifier) AS verifiers
    FROM (SELECT policy, verifier, count(*) AS n FROM scores GROUP BY ALL) GROUP BY policy
), of_nodes AS (SELECT policy, count(*) AS n_nodes FROM nodes GROUP BY policy),
of_revisions AS (SELECT policy, count(*) AS n_revisions FROM revisions GROUP BY policy),
named AS (
    SELECT policy FROM of_samples UNION SELECT policy FROM of_nodes UNION SELECT policy FROM of_revisions
)
SELECT policy, n_parameters, coalesce(n_problems, 0), coalesce(n_samples, 0), coalesce(n_graded, 0), verifiers,
       coalesce(n_nodes, 0), coalesce(n_revisions, 0)
FROM named LEFT JOIN of_samples USING (policy) LEFT JOIN of_grades USING (policy)
LEFT JOIN of_scores USING (policy) LEFT JOIN of_nodes USING (policy) LEFT JOIN of_revisions USING (policy)
LEFT JOIN (SELECT model AS policy, n_parameters FROM models) USING (policy)
ORDER BY coalesce(n_samples, 0) = 0, n_parameters NULLS LAST, policy
"""
