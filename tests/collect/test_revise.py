"""Revision chains of an untrained policy: what is drawn after what, resumed, scored and graded."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from transformers import AutoTokenizer

from tests.cli.commands import table_rows, ttc
from tests.collect.test_run import rows
from tests.models import save_tiny_prm
from ttclib.collect import revise, run
from ttclib.collect.engines.loading import load_engine
from ttclib.collect.engines.tokens import between_answers
from ttclib.collect.engines.types import Draw, draw_seed
from ttclib.collect.verifiers import TokenClassificationPrm
from ttclib.config import PromptConfig, RevisionConfig, RunConfig
from ttclib.errors import RequestError
from ttclib.lab.tokenizer import build_tokenizer
from ttclib.revision_format import revision_prefix
from ttclib.store import connect, write_part
from ttclib.store.status import store_status

CHAIN = "problem_id, chain, position"
SEPARATOR = "\n\n"


@pytest.fixture
def chains(config: RunConfig, tiny_prm: Path) -> RunConfig:
    """3 problems x 2 chains x 6 answers of at most 8 tokens, so that 4 answers fit into the window of 128."""
    return changed(
        config,
        problems={"limit": 3},
        sampling={"max_tokens": 8},
        revision={"n_chains": 2, "n_steps": 6, "verifier": {"name": "orm", "path": str(tiny_prm)}},
    )


def changed(config: RunConfig, **sections: dict[str, Any]) -> RunConfig:
    content = config.model_dump()
    return RunConfig.model_validate(content | {name: (content[name] or {}) | new for name, new in sections.items()})


def test_every_answer_is_drawn_after_the_latest_four(chains: RunConfig) -> None:
    assert revise.revise(chains) == 36
    engine = load_engine(chains.policy, chains.prompt)
    separator = engine.tokenizer(SEPARATOR, add_special_tokens=False)["input_ids"]
    prompts = dict(rows(chains.store, "SELECT problem_id, prompt FROM problems"))
    found = rows(
        chains.store,
        f"SELECT {CHAIN}, completion_ids, completion, prompt_tokens, completion_tokens FROM revisions ORDER BY ALL",
    )
    assert len(found) == 36
    earlier: list[list[int]] = []
    seen_lengths = set()
    for problem_id, chain, position, ids, text, prompt_tokens, completion_tokens in found:
        earlier = earlier if position else []
        assert len(earlier) == position
        prompt = engine.encode(prompts[problem_id])
        prefix = revision_prefix(prompt, earlier, separator, end_ids={engine.tokenizer.eos_token_id})
        assert len(prefix) == prompt_tokens and len(ids) == completion_tokens
        draw = Draw(tuple(prefix), draw_seed(0, f"{problem_id}/revision/{chain}", position))
        (again,) = engine.generate([draw], chains.sampling)
        assert (again.token_ids, again.text) == (ids, text)
        earlier.append(ids)
        seen_lengths.add(min(position, 4))
    assert seen_lengths == {0, 1, 2, 3, 4}


def test_chains_of_a_problem_differ(chains: RunConfig) -> None:
    revise.revise(chains)
    distinct = "SELECT count(DISTINCT completion_ids) FROM revisions GROUP BY problem_id, position"
    assert max(n for (n,) in rows(chains.store, distinct)) == 2


def test_growing_chains_gives_what_one_run_gives(chains: RunConfig, tmp_path: Path) -> None:
    whole = chains.model_copy(update={"store": tmp_path / "whole.duckdb"})
    assert revise.revise(changed(chains, revision={"n_chains": 1, "n_steps": 2})) == 6
    assert revise.revise(changed(chains, revision={"n_chains": 2, "n_steps": 1})) == 3
    assert revise.revise(chains) == 36 - 9
    assert revise.revise(whole) == 36
    query = f"SELECT {CHAIN}, completion_ids, prompt_tokens FROM revisions ORDER BY ALL"
    assert rows(chains.store, query) == rows(whole.store, query)
    said: list[str] = []
    assert revise.revise(chains, notify=said.append) == 0
    assert "holds all 36 answers of 'tiny'" in said[0]


def test_a_hole_in_a_chain_is_filled_without_touching_what_follows(chains: RunConfig, tmp_path: Path) -> None:
    revise.revise(chains)
    holed = chains.model_copy(update={"store": tmp_path / "holed.duckdb"})
    with connect(chains.store) as con:
        kept = con.execute("SELECT * FROM revisions WHERE position <> 2")
        names = [column[0] for column in kept.description]
        write_part(holed.store, "revisions", [dict(zip(names, row, strict=True)) for row in kept.fetchall()])
    assert revise.revise(holed) == 6
    query = f"SELECT {CHAIN}, completion_ids FROM revisions ORDER BY ALL"
    assert rows(holed.store, query) == rows(chains.store, query)


def test_another_separator_context_or_temperature_is_another_setting(chains: RunConfig) -> None:
    small = changed(chains, problems={"limit": 1}, revision={"n_chains": 1, "n_steps": 2})
    other = [
        changed(small, revision={"separator": "\n"}),
        changed(small, revision={"n_context": 1}),
        changed(small, sampling={"temperature": 0.5}),
    ]
    assert [revise.revise(config) for config in (small, *other)] == [2] * 4
    assert [revise.revise(config) for config in (small, *other)] == [0] * 4
    assert len(rows(small.store, "SELECT DISTINCT setting FROM revisions")) == 4
    samples = run.sample(small)  # the same policy and decoding, another kind of thing
    assert samples == 6 and len(rows(small.store, "SELECT DISTINCT setting FROM settings")) == 5


def test_where_the_window_is_full_the_oldest_answers_go_first(chains: RunConfig) -> None:
    said: list[str] = []
    long = changed(chains, sampling={"max_tokens": 40, "stop": ()}, revision={"n_steps": 5})
    revise.revise(long, notify=said.append)
    engine = load_engine(long.policy, long.prompt)
    separator = engine.tokenizer(SEPARATOR, add_special_tokens=False)["input_ids"]
    prompts = dict(rows(long.store, "SELECT problem_id, prompt FROM problems"))
    earlier: list[list[int]] = []
    n_cut = 0
    for problem_id, position, ids, prompt_tokens in rows(
        long.store, f"SELECT problem_id, position, completion_ids, prompt_tokens FROM revisions ORDER BY {CHAIN}"
    ):
        earlier = earlier if position else []
        lengths = [
            len(revision_prefix(engine.encode(prompts[problem_id]), earlier, separator, end_ids={2}, n_context=n))
            for n in range(min(4, position) + 1)
        ]
        fitting = [length for length in lengths if length + 40 <= 128]
        assert prompt_tokens == fitting[-1]  # as many of the latest as fit
        n_cut += len(fitting) < len(lengths)
        earlier.append(ids)
    assert n_cut > 0
    assert f"revise: {n_cut} of 30 answers saw fewer than the latest 4" in said[-1] and "window of 128" in said[-1]


def test_a_prompt_that_fills_the_window_is_refused(chains: RunConfig) -> None:
    with pytest.raises(RequestError, match="exceeds the model's window of 128: set sampling.max_tokens"):
        revise.revise(changed(chains, sampling={"max_tokens": 125}))


def test_the_verifier_sees_the_earlier_answers(chains: RunConfig, tiny_prm: Path) -> None:
    revise.revise(chains)
    assert revise.score_revisions(chains) == 36
    assert revise.score_revisions(chains) == 0
    texts = rows(chains.store, f"SELECT {CHAIN}, completion FROM revisions ORDER BY ALL")
    text_of = {(problem_id, chain, position): text for problem_id, chain, position, text in texts}
    prompts = dict(rows(chains.store, "SELECT problem_id, prompt FROM problems"))
    assert chains.revision is not None and chains.revision.verifier is not None
    orm = TokenClassificationPrm(chains.revision.verifier)
    found = rows(chains.store, f"SELECT {CHAIN}, verifier, step_scores, prm_tokens FROM revision_scores")
    assert len(found) == 36
    for problem_id, chain, position, verifier, scores, prm_tokens in found:
        seen = [text_of[problem_id, chain, earlier] + SEPARATOR for earlier in range(max(0, position - 4), position)]
        answer = text_of[problem_id, chain, position]
        encoded = orm.encode(prompts[problem_id] + "".join(seen), [answer])
        (expected,) = orm.score([encoded])
        assert verifier == "orm" and prm_tokens == expected.prm_tokens == len(encoded[0])
        assert expected.step_scores is not None and scores == pytest.approx(expected.step_scores, abs=1e-4)
        assert len(scores) == 1


def test_a_verifier_may_read_steps_and_this_answer_alone(chains: RunConfig, tiny_prm: Path) -> None:
    revise.revise(chains)
    plain = {"path": str(tiny_prm), "name": "plain", "read": "steps", "n_context": 0}
    assert revise.score_revisions(changed(chains, revision={"verifier": plain})) == 36
    assert revise.score_revisions(chains) == 36  # beside it
    prm = TokenClassificationPrm(chains.prm)
    from ttclib.collect.steps import split_steps

    lengths = set()
    for prompt, completion, scores in rows(
        chains.store,
        f"SELECT prompt, completion, step_scores FROM revisions JOIN problems USING (problem_id) "
        f"JOIN revision_scores USING (policy, setting, {CHAIN}) WHERE verifier = 'plain'",
    ):
        (expected,) = prm.score([prm.encode(prompt, split_steps(completion))])
        assert scores == pytest.approx(expected.step_scores, abs=1e-4)
        lengths.add(len(scores))
    assert len(lengths) > 1


def test_what_does_not_fit_the_verifiers_window_has_no_score(chains: RunConfig, tmp_path: Path) -> None:
    revise.revise(chains)
    lengths = """(SELECT problem_id, chain, position,
        1 + length(prompt) + length(completion) + if(ends_with(completion, chr(10)), 0, 1) AS alone -- ends added
        FROM revisions JOIN problems USING (problem_id))"""
    ((window,),) = rows(chains.store, f"SELECT median(alone)::INT FROM {lengths}")
    narrow = save_tiny_prm(tmp_path / "narrow", max_position_embeddings=window)
    said: list[str] = []
    verifier = {"path": str(narrow), "name": "narrow"}
    revise.score_revisions(changed(chains, revision={"verifier": verifier}), notify=said.append)
    found = rows(
        chains.store, f"SELECT step_scores, prm_tokens, alone FROM revision_scores JOIN {lengths} USING ({CHAIN})"
    )
    missing = [row for row in found if row[0] is None]
    assert 0 < len(missing) < 36
    for scores, tokens, alone in found:
        assert (scores is None) == (alone > window) == (tokens == 0)
        assert scores is None or alone <= tokens <= window
    n_cut = int(re.fullmatch(r"score: for (\d+) of 36 answers the verifier's window left out earlier .*", said[-2])[1])
    assert n_cut >= len(missing)
    assert said[-1].startswith(f"score: {len(missing)} of 36 answers have no score: longer than 'narrow' can read, or ")
    alone = verifier | {"name": "alone", "n_context": 0}
    revise.score_revisions(changed(chains, revision={"verifier": alone}), notify=said.append)
    assert f"{len(missing)} of 36 answers have no score" in said[-1] and "window" not in said[-2]


def test_status_counts_chains(chains: RunConfig) -> None:
    revise.revise(chains)
    revise.score_revisions(changed(chains, revision={"n_steps": 6}))
    (row,) = store_status(chains.store)["chains"]
    assert (row["policy"], row["n_problems"], row["n_chains"], row["n_answers"]) == ("tiny", 3, 6, 36)
    assert (row["n_scored"], row["n_graded"]) == (36, 0) and row["tokens"] > 36
    assert store_status(chains.store)["policies"] == []


def test_a_model_of_its_own(chains: RunConfig, tmp_path: Path) -> None:
    own = {"model": {"name": "reviser", "path": chains.policy.path, "batch_size": 4}, "n_steps": 2}
    assert revise.revise(changed(chains, revision=own)) == 12
    assert rows(chains.store, "SELECT DISTINCT policy FROM revisions") == [("reviser",)]
    assert rows(chains.store, "SELECT model FROM models") == [("reviser",)]


def test_what_is_missing_is_said_before_anything_is_written(chains: RunConfig) -> None:
    with pytest.raises(RequestError, match=r"add a section \[revision\]"):
        revise.check_revision(chains.model_copy(update={"revision": None}))
    for wrong in ({"model": {"name": "m", "path": "./nowhere"}}, {"verifier": {"path": "./nowhere"}}):
        with pytest.raises(RequestError, match="no model at './nowhere'"):
            revise.check_revision(changed(chains, revision=wrong))
    with pytest.raises(RequestError, match=r"add a section \[revision.verifier\]"):
        revise.score_revisions(changed(chains, revision={"verifier": None}))
    assert not list(chains.store.parent.iterdir())


def test_kill_9_loses_at_most_the_batch_in_flight(chains: RunConfig, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(
        f'store = "{chains.store}"\n[problems]\nsource = "lab:test"\nlimit = 3\n'
        f'[policy]\nname = "tiny"\npath = "{chains.policy.path}"\nbatch_size = 5\n'
        f'[sampling]\nmax_tokens = 8\n[grading]\ngrader = "exact"\n[revision]\nn_chains = 5\nn_steps = 6\n'
    )
    command = [sys.executable, "-m", "ttclib.cli", "revise", str(file)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    parts = chains.store.with_name(chains.store.name + ".parts")
    deadline = time.monotonic() + 300  # loading takes long where others work
    seen: set[Path] = set()  # the run may take parts in, which are then gone
    while process.poll() is None and time.monotonic() < deadline and len(seen) < 5:  # into the second round
        seen |= set(parts.glob("*-revisions-*.parquet"))
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    ((kept, distinct),) = rows(chains.store, f"SELECT count(*), count(DISTINCT ({CHAIN})) FROM revisions")
    assert kept == distinct and kept % 5 == 0 and 25 <= kept < 90
    finished = ttc("revise", file, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert f"revise: {90 - kept} of 90 answers to draw" in finished.stderr
    row = next(one for one in table_rows(finished.stdout) if one.get("revision chains of") == "tiny")
    assert (row["problems"], row["chains"], row["answers"], row["graded"]) == ("3", "15", "90", "90")
    assert "scored" not in row  # nothing is
    whole = changed(
        chains.model_copy(update={"store": tmp_path / "whole.duckdb"}),
        revision={"n_chains": 5, "n_steps": 6},
        policy={"batch_size": 5},
    )
    revise.revise(whole)
    query = f"SELECT {CHAIN}, completion_ids FROM revisions ORDER BY ALL"
    assert rows(chains.store, query) == rows(whole.store, query)


CHAT = (
    "{% for turn in messages %}{{ '(' if turn.role == 'user' else '' }}{{ turn.content }}"
    "{{ ')\n' if turn.role == 'user' else eos_token + '*' }}{% endfor %}{% if add_generation_prompt %}#{% endif %}"
)


def test_between_the_answers_of_a_chat_model_stands_the_users_next_turn() -> None:
    tokenizer = build_tokenizer()
    tokenizer.chat_template = CHAT
    revision, chat = RevisionConfig(followup="1+1"), PromptConfig(chat=True)
    ids = between_answers(tokenizer, revision, chat, "2*3")
    assert tokenizer.decode(ids) == "<eos>*(1+1)\n#"
    for separator, written in (("\n\n", "\n\n"), ("\n{prompt}=", "\n2*3=")):
        plain = between_answers(tokenizer, RevisionConfig(separator=separator), PromptConfig(), "2*3")
        assert plain == tokenizer(written, add_special_tokens=False).input_ids
    # The whole conversation, as the template would write it after one answer.
    turns = [
        {"role": "user", "content": "2*3"},
        {"role": "assistant", "content": "6"},
        {"role": "user", "content": "1+1"},
    ]
    prompt = tokenizer("(2*3)\n#", add_special_tokens=False).input_ids
    answer = tokenizer("6", add_special_tokens=False).input_ids
    whole = revision_prefix(prompt, [[*answer, tokenizer.eos_token_id]], ids, end_ids={tokenizer.eos_token_id})
    template = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    assert tokenizer.decode(whole).replace("#6", "6") == template


@pytest.mark.parametrize(
    ("template", "message"),
    [("{{ raise_exception('one turn only') }}", "takes no second turn.*one turn only"), ("#", "leaves out earlier")],
)
def test_a_chat_template_that_cannot_is_refused(template: str, message: str) -> None:
    tokenizer = build_tokenizer()
    tokenizer.chat_template = template
    with pytest.raises(RequestError, match=message):
        between_answers(tokenizer, RevisionConfig(), PromptConfig(chat=True), "2*3")


def test_a_chat_model_revises(chains: RunConfig, tmp_path: Path, tiny_policy: Path) -> None:
    import shutil

    path = tmp_path / "chat"
    shutil.copytree(tiny_policy, path)
    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(path)
    chat = changed(
        chains,
        policy={"path": str(path)},
        prompt={"chat": True},
        revision={"followup": "1+1", "n_chains": 1, "n_steps": 2},
    )
    revise.revise(chat)
    for first, length, ids, earlier in rows(
        chat.store,
        "SELECT a.prompt_tokens, b.prompt_tokens, a.completion_ids, a.finish_reason FROM revisions a "
        "JOIN revisions b USING (problem_id, chain) WHERE a.position = 0 AND b.position = 1",
    ):
        assert length == first + len(ids) - (earlier == "stop") + len("_*(1+1)\n#")
    ((keys,),) = rows(chat.store, "SELECT keys FROM settings")
    prompt_format = json.loads(keys)["prompt_format"]["revision"]
    assert prompt_format["followup"] == "1+1" and "separator" not in prompt_format
