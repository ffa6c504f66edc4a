"""What collecting says and writes, kept in `tests/collect/said.txt`, which a person has read.

`tests/collect/test_said.py` compares it. To write it anew after a change, and see in the diff what that did:

    python -m tests.collect.said
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.collect.stages import LEFT_OUT, STAGES, Whole, everything, held
from ttclib.collect.estimate import estimate_run
from ttclib.config import RunConfig

KEPT = Path(__file__).with_name("said.txt")
_N_ROWS = 3  # of a table, of the first problem


def told(whole: Whole) -> str:
    """All of it."""
    return "\n".join(_lines(whole)) + "\n"


def _lines(whole: Whole) -> Iterator[str]:
    more = RunConfig.model_validate(whole.content | {"store": whole.store, "sampling": {"n_samples": 8}})
    yield "# two samples more of each problem"
    yield from (line.replace(str(whole.store.parent), "FOLDER") for line in _estimated(more))
    for name, stage in STAGES.items():
        yield f"\n# {name}"
        yield from whole.said[name]
        for table in stage.tables:
            where = "problem_id = 'lab-test-0000'"
            where += f" AND verifier = '{'wise' if name == 'judge' else 'prm'}'" if table == "scores" else ""
            rows = held(whole.store, table, where)
            for row in rows[:: max(1, len(rows) // _N_ROWS)][:_N_ROWS]:
                yield f"{table}: {_row(row)}"


def _estimated(config: RunConfig) -> list[str]:
    return [
        line.replace(str(config.policy.path), "POLICY").replace(str(config.prm.path if config.prm else None), "PRM")
        for line in estimate_run(config).lines(config)
    ]


def _row(row: dict[str, Any]) -> str:
    shown = {key: value for key, value in row.items() if value is not None and key not in (*LEFT_OUT, "problem_id")}
    return ", ".join(
        f"{key} {round(value, 4) if isinstance(value, float) else value!r}" for key, value in shown.items()
    )


if __name__ == "__main__":
    from tests.engines.chat_server import serve_chat
    from tests.models import save_tiny_policy, save_tiny_prm

    with tempfile.TemporaryDirectory() as name, serve_chat() as server:
        folder = Path(name)
        for part in ("policy", "prm", "run"):
            (folder / part).mkdir()
        policy, prm = save_tiny_policy(folder / "policy"), save_tiny_prm(folder / "prm")
        KEPT.write_text(told(everything(folder / "run", policy, prm, server.url)), encoding="utf-8")
