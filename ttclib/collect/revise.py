"""Revision chains: a model answers again and again, each time given its latest answers.

As many chains as the engine draws at once advance together, one position a round. What the store
holds already is not drawn again, and a chain that was stopped goes on from the answers that were
kept.

Where the window does not hold the prompt, the answers in view and a whole new answer, the oldest
answers leave the view first, as those beyond the latest `n_context` do anyway; how often is said.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ttclib.collect.engines.loading import close_engine, load_engine, load_verifier, refuse_chat, tell_remarks
from ttclib.collect.engines.losses import draw_what_comes
from ttclib.collect.engines.tokens import between_answers, end_tokens
from ttclib.collect.engines.types import Draw, Engine, Machines, draw_seed
from ttclib.collect.identity import check_identity, record_models
from ttclib.collect.keeper import Keeper, Notify, start_run
from ttclib.collect.progress import progress
from ttclib.collect.run import check_same_problems
from ttclib.collect.sharing import BLOCK, WHOLE, Shard, Work
from ttclib.collect.steps import split_steps
from ttclib.collect.token_columns import reasoning_tokens, token_columns
from ttclib.config import PolicyConfig, RevisionConfig, RunConfig, SamplingConfig
from ttclib.errors import RequestError
from ttclib.grading import get_grader
from ttclib.problems import Problem, load_problems
from ttclib.revision_format import revision_prefix, revision_text
from ttclib.store import connect, is_collected, write_part
from ttclib.store.remaining import drawn_answers, read_already, unscored_answers

_SCORED_AT_ONCE = 1024

Chain = tuple[str, int]  # problem_id and number of the chain
Answers = dict[int, list[int] | None]  # token ids by position; None: held, and seen by no answer to come


def check_revision(config: RunConfig) -> None:
    """Refuse, before anything is written, what would fail later.

    Raises
    ------
    RequestError
        Nothing is asked for, a model is not there or not the one that the store knows by its name, or the grader is
        unknown.
    """
    revision, model = _asked(config)
    check_identity(config.store, model, *([] if revision.verifier is None else [revision.verifier]))
    get_grader(config.grading.grader)


def revise(
    config: RunConfig,
    *,
    problems: Sequence[Problem] | None = None,
    shard: Shard = WHOLE,
    on: Machines | None = None,
    notify: Notify = lambda text: None,
) -> int:
    """Draw the answers of the chains that the store lacks.

    Parameters
    ----------
    config : RunConfig
        With a section ``[revision]``; decoding as ``[sampling]`` says.
    problems, shard, on
        As in `ttclib.collect.run.sample`.

    Returns
    -------
    int
        Answers drawn here.

    Raises
    ------
    RequestError
        Problems or model cannot be read, or the store is none; nothing was written.
    """
    revision, model = _asked(config)
    check_identity(config.store, model)
    problems = load_problems(**config.problems.model_dump()) if problems is None else problems
    setting = config.revision_setting_row(revision)
    check_same_problems(config.store, problems)
    chains = [
        (problem.problem_id, chain)
        for problem in problems
        for chain in range(revision.n_chains)
        if shard.has(problem.problem_id, chain)
    ]
    answers = _held(config, model.name, setting["setting"], revision.n_context, notify)
    wanted = len(chains) * revision.n_steps
    unfinished = [chain for chain in chains if _lacking(answers.get(chain, {}), revision)]
    lacking = sum(_lacking(answers.get(chain, {}), revision) for chain in unfinished)
    if not lacking:
        notify(f"revise: the store holds all {wanted:,} answers of '{model.name}'")
        return 0
    part = "" if shard == WHOLE else f" of shard {shard}"
    notify(f"revise: {lacking:,} of {wanted:,} answers{part} to draw; loading '{model.path}'")
    engine = load_engine(model, config.prompt, on)
    try:
        context = _Context(engine, config, revision, model)
        n_drawn = _revise(engine, context, config, problems, unfinished, wanted, lacking, notify)
    finally:
        tell_remarks(engine, "revise: answers", notify)
        close_engine(engine)  # the verifier wants the memory
    if n_drawn < lacking:
        notify(f"revise: {n_drawn:,} answers drawn here, {lacking - n_drawn:,} by others meanwhile")
    if context.n_cut:
        notify(
            f"revise: {context.n_cut:,} of {n_drawn:,} answers saw fewer than the latest {revision.n_context}: "
            f"with sampling.max_tokens = {config.sampling.max_tokens} more does not fit into the model's window of "
            f"{context.window}"
        )
    return n_drawn


def _revise(
    engine: Engine,
    context: _Context,
    config: RunConfig,
    problems: Sequence[Problem],
    chains: Sequence[Chain],
    wanted: int,
    lacking: int,
    notify: Notify,
) -> int:
    """Draw what chains lack, some chains after the others; a chain has one process that draws it."""
    revision, model = _asked(config)
    setting = config.revision_setting_row(revision)
    prompts = {problem.problem_id: problem.prompt for problem in problems}
    record_models(config.store, (model, engine.model_facts()), notify=notify)
    run = start_run(config, "revise", [problem.problem_id for problem in problems])
    write_part(config.store, "problems", [problem.row() for problem in problems])
    write_part(config.store, "settings", [setting])
    shared = {"policy": model.name, "setting": setting["setting"], "run_id": run}
    kind = ("revisions", model.name, setting["setting"])
    keeper = Keeper(config.store)
    work = Work(keeper, kind, chains, lambda chain: (chain[0], chain[1] // BLOCK), what="revise: chains", notify=notify)
    at_once = model.batch_size * getattr(engine, "n_side_by_side", 1)
    started, n_drawn, n_tokens = time.monotonic(), 0, 0
    with work, progress("revise", wanted, "answers", initial=wanted - lacking) as tell:
        while own_chains := work.take(at_once):
            # Another process may have drawn some since they were first looked at.
            names = {problem_id for problem_id, _ in own_chains}
            answers = _held(config, *kind[1:], revision.n_context, notify, names)
            for position in range(revision.n_steps):
                todo = []
                for chain in own_chains:
                    own = answers.setdefault(chain, {})
                    if position not in own:
                        todo.append((chain, context.prefix(prompts[chain[0]], _in_view(own, position, revision))))
                todo.sort(key=lambda cell: (len(cell[1]), cell[0]))  # like lengths side by side: less padding
                for begin in range(0, len(todo), at_once):
                    batch = todo[begin : begin + at_once]
                    rows, ended = _draw_batch(engine, config.sampling, batch, position)
                    keeper.keep("revisions", [row | shared for row in rows])
                    if ended is not None:
                        raise ended
                    for row in rows:
                        answers[row["problem_id"], row["chain"]][position] = row["completion_ids"]
                        n_tokens += row["completion_tokens"]
                    n_drawn += len(rows)
                    speed = n_tokens / (time.monotonic() - started)
                    tell(n_drawn, f"position {position + 1} of {revision.n_steps}, {speed:,.0f} tokens/s")
                if (last := position - revision.n_context) >= 0:  # out of view from the next round on
                    for chain in own_chains:
                        answers[chain][last] = None
            work.done(own_chains)
    return n_drawn


def _lacking(answers: Answers, revision: RevisionConfig) -> int:
    """Answers that a chain lacks."""
    return sum(position not in answers for position in range(revision.n_steps))


def score_revisions(
    config: RunConfig, *, shard: Shard = WHOLE, on: Machines | None = None, notify: Notify = lambda text: None
) -> int:
    """Score the chains' answers that the verifier of ``[revision.verifier]`` has not read.

    It reads the prompt, the latest earlier answers, each followed by the separator, and the answer;
    where that is too long for its window, the oldest earlier answers are left out, and where the
    answer alone is, the score is NULL.

    Parameters
    ----------
    shard, on
        As in `ttclib.collect.run.sample`.

    Returns
    -------
    int
        Answers scored here.

    Raises
    ------
    RequestError
        No verifier is configured or it cannot be loaded.
    """
    revision, model = _asked(config)
    verifier = revision.verifier
    if verifier is None:
        raise RequestError("no verifier of revisions is configured: add a section [revision.verifier] with its path")
    check_identity(config.store, verifier)
    setting = config.revision_setting_row(revision)["setting"]
    n_context = revision.n_context if verifier.n_context is None else verifier.n_context
    keeper = Keeper(config.store)
    with connect(config.store, notify=notify) as con:
        rows = unscored_answers(con, model.name, setting, verifier.name, n_context)
    todo = {tuple(row[:3]): row[3:] for row in rows if shard.has(*row[:2])}
    if not todo:
        notify(f"score: '{verifier.name}' has read all answers of '{model.name}'")
        return 0
    notify(f"score: {len(todo):,} answers of chains to score; loading '{verifier.path}'")
    prm = load_verifier(verifier, on)
    facts = prm.model_facts() | ({"kind": "orm"} if verifier.read == "outcome" else {})
    record_models(config.store, (verifier, facts), notify=notify)
    shared = {"policy": model.name, "setting": setting, "verifier": verifier.name}
    kind = ("revision_scores", *shared.values())
    work = Work(
        keeper,
        kind,
        list(todo),
        lambda cell: (cell[0], cell[1] // BLOCK),
        lambda cells: (
            set(cells) - _scored(config.store, *(model.name, setting, verifier.name), {cell[0] for cell in cells})
        ),
        what="score",
        notify=notify,
    )
    shared["run_id"] = start_run(config, "score")
    n_scored = n_cut = n_null = 0
    with work, progress("score", len(todo), "answers") as tell:
        while batch := work.take(_SCORED_AT_ONCE):
            read = []
            for prompt, seen, completion in (todo[cell] for cell in batch):
                delimiter = config.sampling.step_delimiter
                steps = [completion] if verifier.read == "outcome" else split_steps(completion, delimiter)
                encoded, is_cut = _encode(prm, prompt, seen[:-1], steps, revision.separator)
                read.append(encoded)
                n_cut += is_cut
            found = prm.score(read)
            n_null += sum(scores.step_scores is None for scores in found)
            keeper.keep(
                "revision_scores",
                [
                    shared
                    | {"problem_id": problem_id, "chain": chain, "position": position}
                    | {"step_scores": scores.step_scores, "prm_tokens": scores.prm_tokens}
                    for (problem_id, chain, position), scores in zip(batch, found, strict=True)
                ],
            )
            work.done(batch)
            n_scored += len(batch)
            tell(n_scored + work.n_by_others)
    if work.n_by_others:
        notify(f"score: {n_scored:,} answers scored here, {work.n_by_others:,} by others meanwhile")
    if n_cut:
        notify(f"score: for {n_cut:,} of {n_scored:,} answers the verifier's window left out earlier answers")
    if n_null:
        notify(
            f"score: {n_null:,} of {n_scored:,} answers have no score: longer than '{verifier.name}' can read, or with "
            "something that its vocabulary lacks"
        )
    return n_scored


def _scored(store: Path, policy: str, setting: str, verifier: str, of: Collection[str]) -> set[tuple[str, int, int]]:
    """What a verifier has read of some problems' chains."""
    with connect(store) as con:
        columns = ("problem_id", "chain", "position")
        return read_already(con, "revision_scores", columns, policy, setting, verifier, of)


class _Context:
    """What each answer is drawn after, and how often the window cut it short."""

    def __init__(self, engine: Engine, config: RunConfig, revision: RevisionConfig, model: PolicyConfig) -> None:
        self._asked = functools.cache(
            lambda prompt: (
                engine.encode(prompt),
                between_answers(engine.tokenizer, revision, config.prompt, prompt),
            )
        )
        self._ends = end_tokens(engine.tokenizer, model)
        self._n_context = revision.n_context
        self._max_tokens = config.sampling.max_tokens
        self.window = engine.window
        self.n_cut = 0

    def prefix(self, prompt: str, earlier: Sequence[Sequence[int]]) -> tuple[int, ...]:
        """The prompt and as many of the latest answers as fit; a prompt that does not fit is the engine's to refuse."""
        asked, between = self._asked(prompt)
        for n_seen in range(min(self._n_context, len(earlier)), -1, -1):
            ids = revision_prefix(asked, earlier, between, end_ids=self._ends, n_context=n_seen)
            if self.window is None or len(ids) + self._max_tokens <= self.window:
                break
        self.n_cut += n_seen < min(self._n_context, len(earlier))
        return tuple(ids)


def _asked(config: RunConfig) -> tuple[RevisionConfig, PolicyConfig]:
    if config.revision is None:
        raise RequestError("no revisions are configured: add a section [revision]")
    model = config.revision.model or config.policy
    refuse_chat(model, "a chain of revisions")
    return config.revision, model


def _in_view(answers: Answers, position: int, revision: RevisionConfig) -> list[list[int]]:
    """Token ids of the latest answers before a position, oldest first."""
    seen = [answers[earlier] for earlier in range(max(0, position - revision.n_context), position)]
    return [ids for ids in seen if ids is not None]


def _draw_batch(
    engine: Engine, sampling: SamplingConfig, batch: Sequence[tuple[Chain, tuple[int, ...]]], position: int
) -> tuple[list[dict[str, Any]], BaseException | None]:
    """Rows of what was drawn, and what kept the rest from it, if anything did."""
    draws = [
        Draw(prefix, draw_seed(sampling.seed, f"{problem_id}/revision/{chain}", position))
        for (problem_id, chain), prefix in batch
    ]
    drawn, ended = draw_what_comes(engine, draws, sampling)
    rows = [
        {
            "problem_id": problem_id,
            "chain": chain,
            "position": position,
            "completion": completion.text,
            "completion_ids": completion.token_ids,
            "finish_reason": completion.finish_reason,
            "prompt_tokens": len(prefix),
            "completion_tokens": len(completion.token_ids),
            "logprob": completion.logprob,
            "reasoning_tokens": reasoning_tokens(engine.token_texts(completion.token_ids)),
            **token_columns(completion),
        }
        for ((problem_id, chain), prefix), completion in zip(batch, drawn, strict=True)
        if completion is not None
    ]
    return rows, ended


def _held(
    config: RunConfig,
    policy: str,
    setting: str,
    n_context: int,
    notify: Notify,
    of: Collection[str] | None = None,
) -> dict[Chain, Answers]:
    """What the store holds of every chain, or of some problems'; token ids only of answers that the next ones see."""
    if not is_collected(config.store):
        return {}
    with connect(config.store, notify=notify) as con:
        rows = drawn_answers(con, policy, setting, n_context, of)
    answers: dict[Chain, Answers] = {}
    for problem_id, chain, position, token_ids in rows:
        answers.setdefault((problem_id, chain), {})[position] = token_ids
    return answers


def _encode(
    prm: Any, prompt: str, earlier: Sequence[str], steps: Sequence[str], separator: str
) -> tuple[tuple[list[int], list[int]], bool]:
    """What the verifier reads of an answer, and whether earlier answers were left out to make it fit."""
    window = getattr(prm.model.config, "max_position_embeddings", None)
    for n_seen in range(len(earlier), -1, -1):
        encoded = prm.encoded(revision_text(prompt, earlier, separator, n_context=n_seen), steps)
        if window is None or len(encoded[0]) <= window:
            break
    return encoded, n_seen < len(earlier)
