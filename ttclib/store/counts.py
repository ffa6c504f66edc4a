"""Right answers by problem of every policy at once, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ttclib.errors import RequestError, one_of
from ttclib.samples import ModelFacts
from ttclib.store.connection import connect
from ttclib.store.models import read_model
from ttclib.store.pool import GRADES_READ


@dataclass(frozen=True)
class PolicyCounts:
    """Graded samples of several policies on one benchmark, and the right ones among them."""

    models: tuple[ModelFacts, ...]  # one a policy, in the order of their names
    problem_ids: tuple[str, ...]
    # n, c: int, shape (policies, problems); 0 samples: the policy was not asked that problem
    n: np.ndarray
    c: np.ndarray
    benchmark: str | None


def load_counts(
    path: str | Path, benchmark: str | None = None, *, notify: Callable[[str], None] = lambda text: None
) -> PolicyCounts:
    """Count the graded samples of all policies; of a policy's settings the one with most of them.

    Raises
    ------
    RequestError
        No such store or benchmark, several and none named, or nothing is graded.
    """
    with connect(path, notify=notify) as con:
        names = [name for (name,) in con.execute(_BENCHMARKS).fetchall()]
        if benchmark is not None:
            one_of(benchmark, names, "benchmark")
        elif len(names) > 1:
            raise RequestError(
                f"'{path}' holds problems of several benchmarks: name one with --benchmark. Allowed: {', '.join(names)}"
            )
        rows = con.execute(_COUNTED, [benchmark]).fetchnumpy()
        if not len(rows["n"]):
            raise RequestError(f"'{path}' holds no graded sample: grade them with `ttc grade`")
        policies, row = np.unique(rows["policy"].astype(str), return_inverse=True)
        models = tuple(read_model(con, str(name)) or ModelFacts(str(name)) for name in policies)
    problems, column = np.unique(rows["problem_id"].astype(str), return_inverse=True)
    n, c = (np.zeros((len(policies), len(problems)), dtype=np.int64) for _ in range(2))
    n[row, column], c[row, column] = rows["n"], rows["c"]
    return PolicyCounts(models, tuple(map(str, problems)), n, c, benchmark or (names[0] if names else None))


_BENCHMARKS = """
SELECT DISTINCT benchmark FROM problems
SEMI JOIN (SELECT problem_id FROM samples UNION SELECT problem_id FROM counts) USING (problem_id)
WHERE benchmark IS NOT NULL ORDER BY 1
"""
_COUNTED = f"""
WITH counted AS (
    SELECT policy, setting, problem_id, count(*) AS n, sum(correct)::BIGINT AS c FROM ({GRADES_READ})
    WHERE correct IS NOT NULL GROUP BY ALL
    UNION ALL SELECT policy, setting, problem_id, n, c FROM counts WHERE n IS NOT NULL AND c IS NOT NULL
), here AS (
    SELECT counted.* FROM counted LEFT JOIN problems USING (problem_id) WHERE $1 IS NULL OR benchmark = $1
), chosen AS (
    SELECT policy, setting FROM (SELECT policy, setting, sum(n) AS drawn FROM here GROUP BY ALL)
    QUALIFY row_number() OVER (PARTITION BY policy ORDER BY drawn DESC, setting) = 1
)
SELECT policy, problem_id, sum(n)::BIGINT AS n, sum(c)::BIGINT AS c FROM here SEMI JOIN chosen USING (policy, setting)
GROUP BY ALL
"""
