"""Ray's workers and their driver killed, and searches and chains shared out: ``python -m tests.collect.cluster``.

It starts a cluster on this machine again and again, which takes minutes: `pytest` alone does not collect it.
"""

from __future__ import annotations

import subprocess
import sys

from click.testing import CliRunner

from tests.collect.runs import write_config
from tests.collect.test_cluster import CONTENT, close, content, ended
from tests.collect.test_run import rows
from ttclib.cli import cli


def test_four_workers_and_their_driver_killed_give_what_one_process_gives(
    tmp_path, tiny_policy, tiny_prm, processes
) -> None:
    one, many = tmp_path / "one.duckdb", tmp_path / "many.duckdb"
    alone = write_config(tmp_path / "one.toml", one, tiny_policy, tiny_prm)
    file = write_config(tmp_path / "many.toml", many, tiny_policy, tiny_prm)
    assert CliRunner().invoke(cli, ["sample", str(alone)]).exit_code == 0
    shared = ["sample", file, "--on", "ray", "--workers", 4]
    assert CliRunner().invoke(cli, ["sample", str(file), "--n-samples", "8"]).exit_code == 0  # begun on one machine
    status, said = ended(processes, "killing", 1, 1, 5, *shared)
    assert status == -9 and "killed itself" in said, said
    assert rows(many, "SELECT count(*) FROM samples") == [(32 + 5 * 16,)]  # every batch that had come
    status, said = ended(processes, "killing", 2, 2, 0, *shared)
    assert status == 0, said
    assert "a worker died; another does its batch again" in said
    for table in CONTENT:
        assert content(many, table) == content(one, table), table
    assert close(one, many)


def test_searches_and_chains_are_shared_out_too(tmp_path, tiny_policy, tiny_prm, processes) -> None:
    more = (
        '[search]\nbudgets = [4]\nalgorithms = [{ strategy = "beam_search", beam_width = 2 }]\n'
        f'[revision]\nn_chains = 3\nn_steps = 3\n[revision.verifier]\nname = "orm"\npath = "{tiny_prm}"\n'
    )
    found = []
    for name, on in (("one", ()), ("many", ("--on", "ray", "--workers", 2))):
        store = tmp_path / f"{name}.duckdb"
        file = write_config(tmp_path / f"{name}.toml", store, tiny_policy, tiny_prm, n_samples=4, limit=2, more=more)
        assert CliRunner().invoke(cli, ["sample", str(file)]).exit_code == 0
        for command in ("search", "revise"):
            status, said = ended(processes, "killing", 3, int(bool(on)), 0, command, file, *on)
            assert status == 0, said
        queries = (
            "SELECT problem_id, path, token_ids, finish_reason FROM nodes ORDER BY ALL",
            "SELECT problem_id, path, round(step_score, 4), prm_tokens FROM node_scores ORDER BY ALL",
            "SELECT problem_id, chain, position, completion_ids FROM revisions ORDER BY ALL",
            "SELECT problem_id, chain, position, prm_tokens FROM revision_scores ORDER BY ALL",
        )
        found.append([rows(store, query) for query in queries])
    assert found[0] == found[1] and all(found[0])


if __name__ == "__main__":
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-v", __file__]))
