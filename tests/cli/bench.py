"""What commands that write are tried on, and what they leave behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tests.builders import add_chains, build_store
from tests.models import save_tiny_policy, save_tiny_prm
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.plan import Plan
from ttclib.analysis.plan_step import Step
from ttclib.problems import load_problems
from ttclib.store import connect
from ttclib.store.tables import TABLES, columns_of

_RUN = {"run_id", "elapsed_s", "tokens_per_s", "path", "identity"}  # other ones every time, or every place
CONFIG = """
store = "run.duckdb"
[problems]
source = "lab:test"
limit = 2
[policy]
name = "tiny"
path = "./policy"
[sampling]
n_samples = 4
max_tokens = 24
[prm]
path = "./prm"
[grading]
grader = "exact"
[search]
budgets = [4]
algorithms = [{ strategy = "beam_search", beam_width = 2, max_rounds = 3 }]
[revision]
n_chains = 2
n_steps = 2
[revision.verifier]
name = "orm"
path = "./prm"
"""


def make_work(folder: Path) -> None:
    """Small stores and files, on which each of these works."""
    for policy, seed in (("policy", 0), ("other", 1)):
        build_store(folder / "w.duckdb", n_problems=6, n_samples=4, policy=policy, seed=seed)
    build_store(folder / "one.duckdb", n_problems=6, n_samples=4)
    add_chains(folder / "one.duckdb", n_problems=2, n_chains=2, n_steps=2)
    build_store(folder / "parts.duckdb", n_problems=2, n_samples=2, absorbed=False)
    (folder / "parts.duckdb.parts").rename(folder / "parts")
    rows = [
        {"problem_id": f"{benchmark}{n}", "benchmark": benchmark, "policy": "m", "sample_index": k,
         "setting": {"temperature": temperature}, "prompt": f"{n}=\n", "completion": f"{n}+0\n#0{n + k * wrong}",
         "reference_answer": str(n),
         "step_scores": [0.1 * k + 0.05 * n, 0.5 - 0.1 * k]}
        for benchmark in "ab" for temperature in (1.0, 0.5) for n in range(3) for k in range(4)
        for wrong in [k > 2 * temperature - (benchmark == "b")]
    ]  # fmt: skip
    (folder / "pair.jsonl").write_text("\n".join(map(json.dumps, rows)))
    plain = [
        {"problem_id": f"p{n}", "sample_index": k, "completion": f"a\n#{n}.0", "text": f"b\n#{n + k}",
         "reference_answer": str(n), "step_scores": [0.5, 0.1 * k]}
        for n in range(3) for k in range(2)
    ]  # fmt: skip
    (folder / "in.jsonl").write_text("\n".join(map(json.dumps, plain)))
    (folder / "prices.csv").write_text("model,n_layers\npolicy,3\nin,3\n")
    make_runs(folder)
    (folder / "mine").mkdir()
    (folder / "mine" / "00_start.ipynb").write_text("mine")


def make_runs(folder: Path) -> None:
    """An untrained policy and verifier, and what is drawn with them."""
    save_tiny_policy(folder / "policy")
    save_tiny_prm(folder / "prm")
    (folder / "run.toml").write_text(CONFIG)
    (folder / "other.toml").write_text(CONFIG.replace("max_tokens = 24", "max_tokens = 12"))
    (folder / "named.toml").write_text(CONFIG.replace('path = "./prm"', 'path = "./prm"\nname = "mine"', 1))
    judge = '[judge]\npath = "wise"\n[judge.server]\nurls = ["http://127.0.0.1:9"]\n'
    (folder / "judged.toml").write_text(CONFIG + judge)
    plain = CONFIG.partition("[prm]")[0].replace("run.duckdb", "drawn.duckdb")
    (folder / "plain.toml").write_text(plain + '[grading]\ngrader = "exact"\n')
    problems = load_problems("lab:validation", limit=2)
    lines = [{"prompt": one.prompt, "reference_answer": one.reference_answer} for one in problems]
    (folder / "asked.jsonl").write_text("\n".join(map(json.dumps, lines)))
    stopping = Step("tiny", "adaptive_consistency", "adaptive_consistency", 3, aggregation="last",
                    parameters={"threshold": 0.9, "prior": "beta"})  # fmt: skip
    first = Step("tiny", "best_of_n", "best_of_n", 1, verifier="prm", aggregation="last")
    plan = Plan((1.0, 9.0), (((first,), (stopping,)),), Ledger(unit="generations"))
    (folder / "live.json").write_text(plan.to_json())


def take(bench: Path, folder: Path, words: Sequence[str]) -> Path:
    """A folder like the bench, with a copy of what a command names and may change; of other files a link."""
    folder.mkdir()
    for one in bench.iterdir():
        if one.is_dir():
            shutil.copytree(one, folder / one.name)
        elif one.name in words:
            shutil.copy2(one, folder / one.name)
        else:
            (folder / one.name).symlink_to(one.resolve())
    return folder


def contents(folder: Path, before: Path) -> dict[str, Any]:
    """What a folder holds that was not `before` in the one that it was copied from, of a store its rows."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        was = before / name
        if not was.exists() or (path.is_file() and path.stat().st_mtime_ns != was.stat().st_mtime_ns):
            found[str(name)] = _content(path)
    return found | {str(path.relative_to(before)): None for path in before.rglob("*")
                    if not (folder / path.relative_to(before)).exists()}  # fmt: skip


def _content(path: Path) -> Any:
    """What is in a file, without what is another every time."""
    if path.is_dir():
        return ""
    if path.suffix == ".duckdb":
        return rows_of(path)
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        return sorted(map(str, frame.drop(*(set(frame.columns) & _RUN)).rows()))
    return path.read_bytes()


def rows_of(store: Path) -> dict[str, list[str]]:
    """Every row of a store, and whose samples it says they are."""
    found = {}
    with connect(store) as con:
        for table in TABLES:
            names = [name for name, _ in columns_of(table) if name not in _RUN]
            where = " WHERE run_id LIKE 'credit-%'" if table == "runs" else ""
            shown = "config" if table == "runs" else ", ".join(names)
            found[table] = sorted(str(row) for row in con.execute(f"SELECT {shown} FROM {table}{where}").fetchall())
    return found
