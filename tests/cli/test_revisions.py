"""`ttc revise`, and revisions in `ttc replay` and `ttc status`, as a user runs them."""

from __future__ import annotations

import json

import pytest

from tests.builders import add_chains, build_store
from tests.cli.commands import error_line, listing, table_rows, ttc
from tests.cli.test_commands import KEYS

REVISIONS = ("replay", "--store", "s.duckdb", "--strategy", "revisions")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chains")
    add_chains(build_store(folder / "s.duckdb"))
    add_chains(build_store(folder / "unscored.duckdb", n_problems=3), n_problems=3, scored=False)
    build_store(folder / "none.duckdb", n_problems=3)
    plain = 'store = "out.duckdb"\n[problems]\nsource = "lab:test"\n[policy]\nname = "m"\npath = "lab:policy"\n'
    (folder / "plain.toml").write_text(plain)
    (folder / "unknown.toml").write_text(plain + "[revision]\nn_chain = 3\n")
    (folder / "nested.toml").write_text(plain + '[revision.verifier]\npath = "x"\nred = "steps"\n')
    (folder / "no_model.toml").write_text(plain + '[revision.model]\nname = "r"\npath = "./no/model"\n')
    return folder


def rows(folder, *arguments):
    done = ttc(*REVISIONS, *arguments, "--json", cwd=folder)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        0, "8 of 20 problems, those that all of these strategies hold",
    )  # fmt: skip
    return json.loads(done.stdout)


def test_replay(folder):
    found = rows(folder)
    assert [row["budget"] for row in found] == [1, 2, 4, 8, 16]  # by default what the chains hold
    for row in found:
        assert [*KEYS] == [key for key in row if key in KEYS]
        assert 0 <= row["ci_low"] <= row["accuracy"] <= row["ci_high"] <= 1
        assert (row["strategy"], row["n_problems"], row["n_samples"]) == ("revisions", 8, 128)
        assert row["flops"] == pytest.approx(2 * 200_000 * row["tokens"])


def test_replay_with_a_ratio(folder):
    every = rows(folder, "--ratio", "all", "--budgets", "4", "--selection", "majority")
    by = {row["variant"]: row["accuracy"] for row in every if row["accuracy"] is not None}
    # 4 as 1 x 4, 2 x 2 and 4 x 1; other ratios come to the nearest of these.
    assert {
        "revisions (ratio 0.25, majority)",
        "revisions (ratio 1, majority)",
        "revisions (ratio 4, majority)",
    } <= set(by)
    for ratio, accuracy in ((0.25, by["revisions (ratio 0.25, majority)"]), (4, by["revisions (ratio 4, majority)"])):
        (alone,) = rows(folder, "--ratio", ratio, "--budgets", "4", "--selection", "majority")
        assert alone["accuracy"] == accuracy
    (parallel,) = rows(folder, "--ratio", "parallel", "--budgets", "4", "--selection", "majority")
    assert parallel["accuracy"] == by["revisions (ratio 0.25, majority)"]
    (best,) = rows(folder, "--ratio", "best", "--budgets", "4", "--selection", "majority")
    assert best["variant"] == "revisions (best ratio)"
    assert (
        min(by.values()) - 1e-9 <= best["accuracy"] <= max(by.values()) + 1e-9
    )  # chosen on other problems than it is scored on
    quarter = rows(folder, "--ratio", "0.25", "--bins", "2", "--told", "same")  # 1x1, 1x2, 1x4, 2x4; 2x8 is not held
    assert [row["budget"] for row in quarter if row["bin"] is None] == [1, 2, 4, 8]
    assert {row["variant"] for row in quarter} == {"revisions (ratio 0.25)"}
    assert [row["n_problems"] for row in quarter if row["bin"] == 1] == [4] * 4  # of the 8 that are compared


def test_beside_sampling(folder):
    done = ttc(*REVISIONS[:-1], "majority_vote,revisions", "--ratio", "parallel", "--csv", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [line.split(",")[:2] for line in done.stdout.splitlines()[1:]] == [
        *(["majority_vote", budget] for budget in ("1", "2", "4", "8", "16")),
        *(["revisions", budget] for budget in ("1", "2", "4")),
    ]


@pytest.mark.parametrize(
    ("command", "message", "status"),
    [
        ((*REVISIONS, "--budgets", "64"), "at most 4 chains of 4 answers a problem of 'reviser', too few", 1),
        (
            ("replay", "--store", "none.duckdb", "--strategy", "revisions"),
            "holds no revision chains of policy 'policy', which revisions",
            1,
        ),
        (
            ("replay", "--store", "unscored.duckdb", "--strategy", "revisions"),
            "holds no prm scores for policy 'reviser'",
            2,
        ),
        ((*REVISIONS, "--ratio", "paralel"), "unknown ratio 'paralel': did you mean 'parallel'", 2),
        ((*REVISIONS, "--selection", "flat"), "unknown selection 'flat'. Allowed: hierarchical, majority", 2),
        ((*REVISIONS, "--verifier", "ormm"), "unknown verifier 'ormm': did you mean 'orm'", 2),
        (("revise", "plain.toml", "--n-chains", "2"), "no revisions are configured: add a section [revision]", 2),
        (("revise", "unknown.toml"), "unknown key 'revision.n_chain': did you mean 'n_chains'", 2),
        (("revise", "nested.toml"), "unknown key 'revision.verifier.red': did you mean 'read'", 2),
        (("revise", "no_model.toml", "--n-steps", "0"), "revision.n_steps = 0", 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refused_in_one_line_with_nothing_written(folder, command, message, status):
    before = listing(folder)
    assert message in error_line(ttc(*command, cwd=folder), status=status)
    assert listing(folder) == before


def test_status(folder):
    done = ttc("status", "--store", "s.duckdb", cwd=folder)
    (row,) = (one for one in table_rows(done.stdout) if "revision chains of" in one)
    assert row.pop("revision chains of") == "reviser" and int(row.pop("tokens").replace(",", "")) > 0
    assert row == {"problems": "8", "chains": "32", "answers": "128", "scored": "128", "graded": "128"}
