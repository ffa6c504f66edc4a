"""Making steps of the sample tree: drawing them from exact prefixes, scoring them, writing both.

A step is drawn until its delimiter, from the exact token ids before it. A draw that begins with
blank lines goes on to the end of its first line that is not: a blank line belongs to the draw that
made it, where a whole sample, cut up afterwards, gives it to the step before. An end without a text
(the end token behind a finished line) is a step too; its score is that of the line before it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ttclib.collect.engines.loading import close_engine, load_engine, load_verifier, tell_remarks
from ttclib.collect.engines.losses import draw_what_comes
from ttclib.collect.engines.types import Completion, Draw, Engine, Machines, draw_seed
from ttclib.collect.growing import DrawnStep, GrowingTree, check_tokenizer
from ttclib.collect.identity import record_models
from ttclib.collect.keeper import Keeper, Notify, start_run
from ttclib.collect.token_columns import token_columns
from ttclib.config import RunConfig, SamplingConfig
from ttclib.replay.tree import GREEDY, ROOT, parent_of

Place = tuple[int, str]  # number of the problem, path


@dataclass
class SearchReport:
    """What collecting drew and read, and what the searches would have drawn apart."""

    n_searches: int = 0
    n_rounds: int = 0
    n_steps: int = 0  # steps drawn
    # tokens, greedy_tokens, prm_tokens: drawn; of these in greedy rollouts; read by the PRM
    tokens: int = 0
    greedy_tokens: int = 0
    prm_tokens: int = 0
    pruned_tokens: int = 0  # of the drawn, in steps that no search returned, rollouts apart
    shared_tokens: int = 0  # of the steps that the searches asked for, each counted once, the store's among them
    apart_tokens: int = 0  # of the same, counted anew for each search: what separate runs draw
    batches: list[int] = field(default_factory=list)  # steps drawn in each round


class StepMaker:
    """The loaded models, and what a round does with them.

    Both are loaded at once: where they share a GPU, `engine_options.gpu_memory_utilization` of vLLM
    must leave the PRM its room.

    Parameters
    ----------
    report : SearchReport
        Where what is spent is counted.
    on : Machines, optional
        As in `ttclib.collect.run.sample`.
    """

    def __init__(self, config: RunConfig, report: SearchReport, notify: Notify, on: Machines | None = None) -> None:
        assert config.prm is not None
        self._verifier = config.prm.name
        notify(f"search: loading '{config.policy.path}' and '{config.prm.path}'")
        self._config, self._report, self._notify = config, report, notify
        self._engine: Engine = load_engine(config.policy, config.prompt, on)
        self._trees: Sequence[GrowingTree] = ()
        self._group = self._n_groups = self._n_deep = 1
        self._started = time.monotonic()
        self._prompts: list[tuple[int, ...]] = []
        self._prm = load_verifier(config.prm, on)
        setting = config.setting_row()["setting"]
        self._shared = {"policy": config.policy.name, "setting": setting}
        self.keeper = Keeper(config.store)
        # vLLM batches by itself, a cluster shares out; here a batch is what fits into memory.
        is_here = config.policy.engine == "transformers" and on is None
        self._batch_size = config.policy.batch_size if is_here else None

    def take(self, trees: Sequence[GrowingTree], group: int, n_groups: int) -> None:
        """Turn to other problems, of as many groups.

        Raises
        ------
        RequestError
            Their samples were written by another tokenizer than the policy's.
        """
        check_tokenizer(self._config, self._engine, trees)
        self._trees, self._group, self._n_groups = trees, group, n_groups
        # No sample says how long a search will be; it is seldom longer than the longest sample.
        self._n_deep = max(depth_of(path) for tree in trees for path in tree.steps)
        self._prompts = [tuple(self._engine.encode(tree.problem.prompt)) for tree in trees]
        if "run_id" not in self._shared:  # the first: nothing was written so far
            assert self._config.prm is not None
            loaded = ((self._config.policy, self._engine), (self._config.prm, self._prm))
            record_models(
                self._config.store, *((asked, model.model_facts()) for asked, model in loaded), notify=self._notify
            )
            self._shared["run_id"] = start_run(self._config, "search")

    def close(self) -> None:
        """Give back what the policy's engine holds, and say what it did not tell rightly."""
        tell_remarks(self._engine, "search: steps", self._notify)
        close_engine(self._engine)

    def make(self, steps: Sequence[Place], scores: Sequence[Place]) -> None:
        """One round: draw steps, score others, write both."""
        started, before = time.monotonic(), self._report.tokens
        for greedy in (False, True):
            todo = [place for place in steps if place[1].endswith(GREEDY) == greedy]
            todo.sort(key=lambda place: (self._n_tokens_before(place), place))  # like lengths side by side
            rest = iter(todo)
            while batch := list(islice(rest, self._batch_size or len(todo))):
                self._draw(batch, greedy)
        self._score(scores)
        self._report.n_rounds += 1
        self._report.batches.append(len(steps))
        tokens, elapsed = self._report.tokens - before, time.monotonic() - started
        parts = [
            f"{len(steps):,} steps drawn ({tokens:,} tokens)" if steps else "",
            f"{len(scores):,} solutions read by the PRM" if scores else "",
        ]
        said = ", ".join(part for part in parts if part)
        depth = max(depth_of(path) for _, path in (*steps, *scores))
        group = f", problems {self._group} of {self._n_groups}" if self._n_groups > 1 else ""
        share = (self._group - 1 + min(1.0, depth / self._n_deep)) / self._n_groups
        left = (time.monotonic() - self._started) * (1 / share - 1)
        self._notify(
            f"search: round {self._report.n_rounds}: {said} in {elapsed:.1f} s; step {depth} of about "
            f"{max(depth, self._n_deep)}{group}, about {left:,.0f} s left"
        )

    def _n_tokens_before(self, place: Place) -> int:
        problem, path = place
        return len(self._prompts[problem]) + sum(
            len(step.token_ids) for step in self._trees[problem].path_steps(parent_of(path))
        )

    def _draw(self, places: Sequence[Place], greedy: bool) -> None:
        """Draw steps in one batch; those that begin with a blank line go on in another.

        Raises
        ------
        TTCError, KeyboardInterrupt
            What the engine raises, once the steps that came whole are kept.
        """
        sampling = self._config.sampling
        delimiter = sampling.step_delimiter
        decoding = sampling.model_copy(
            update={"stop": (delimiter, *sampling.stop), "temperature": 0.0 if greedy else sampling.temperature}
        )
        drawn = [_Drawing(self._trees[problem], self._prompts[problem], path) for problem, path in places]
        open_ones = drawn
        for attempt in range(sampling.max_tokens):
            draws = [
                Draw(
                    (*one.prefix, *one.token_ids),
                    draw_seed(sampling.seed, one.problem_id, f"{one.path}{f'+{attempt}' * (attempt > 0)}"),
                    sampling.max_tokens - one.n_before - len(one.token_ids),
                )
                for one in open_ones
            ]
            found, ended = draw_what_comes(self._engine, draws, decoding)
            for one, completion in zip(open_ones, found, strict=True):
                if completion is not None:
                    one.take(completion, self._engine, sampling)
            open_ones = [one for one in open_ones if one.is_open]
            if not open_ones or ended is not None:
                break
        if ended is not None:
            whole = [number for number, one in enumerate(drawn) if not one.is_open]
            places, drawn = [places[number] for number in whole], [drawn[number] for number in whole]
        for (problem, path), one in zip(places, drawn, strict=True):
            self._trees[problem].steps[path] = DrawnStep(tuple(one.token_ids), one.text, one.finish_reason)
            self._report.tokens += len(one.token_ids)
            self._report.greedy_tokens += len(one.token_ids) * greedy
        self._report.n_steps += len(drawn)
        self.keeper.keep("nodes", [one.row() | self._shared for one in drawn])
        if ended is not None:
            raise ended

    def _score(self, places: Sequence[Place]) -> None:
        """Read solutions up to a step each; what is learnt of the steps before it is kept as well."""
        rows: dict[Place, dict[str, Any]] = {}
        encoded, owners = [], []
        for problem, path in places:
            # An outcome verifier gives one score a reading: what still lacks one is read from its own end.
            deepest = next(name for name in upwards(path) if self._trees[problem].steps[name].score is None)
            texts, owner = _merged([step.text for step in self._trees[problem].path_steps(deepest)])
            encoded.append(self._prm.encoded(self._trees[problem].problem.prompt, texts))
            owners.append((problem, upwards(deepest)[::-1], owner))
        for (problem, paths, owner), (_, positions), read in zip(
            owners, encoded, self._prm.score(encoded), strict=True
        ):
            self._report.prm_tokens += read.prm_tokens
            values = read.step_scores
            whole = values is not None and len(values) == owner[-1] + 1
            for number, path in enumerate(paths):
                step, last = self._trees[problem].steps[path], number == len(paths) - 1
                if step.score is not None or not (whole or last):
                    continue
                value = None if values is None else values[owner[number]] if whole else values[-1]
                step.score = math.nan if value is None else value
                step.prm_tokens = read.prm_tokens if last else positions[owner[number]] + 1
                rows[problem, path] = {
                    "problem_id": self._trees[problem].problem.problem_id,
                    "path": path,
                    "verifier": self._verifier,
                    "step_score": value,
                    "prm_tokens": int(step.prm_tokens),
                    **self._shared,
                }
        self.keeper.keep("node_scores", list(rows.values()))


class _Drawing:
    """A step that is being drawn, in one piece or, behind blank lines, in several."""

    def __init__(self, tree: GrowingTree, prompt: tuple[int, ...], path: str) -> None:
        before = tree.path_steps(parent_of(path))
        self.problem_id = tree.problem.problem_id
        self.path = path
        self.prefix = (*prompt, *(token for step in before for token in step.token_ids))
        self.n_before = len(self.prefix) - len(prompt)
        self.token_ids: list[int] = []
        self.text = ""
        self.finish_reason: str | None = None
        self.is_open = True
        self._pieces: list[Completion] = []
        self._text_before = "".join(step.text for step in before)

    def take(self, completion: Completion, engine: Engine, sampling: SamplingConfig) -> None:
        """Add a piece, and settle whether it ends the step, or the solution."""
        self.token_ids += completion.token_ids
        self._pieces.append(completion)
        self.text += _whole_text(completion, engine, sampling.step_delimiter)
        solution = self._text_before + self.text
        full = self.n_before + len(self.token_ids) >= sampling.max_tokens
        if any(stop in solution for stop in sampling.stop):
            self.finish_reason = "stop"
        elif sampling.step_delimiter not in completion.text:
            self.finish_reason = completion.finish_reason
        elif full:
            self.finish_reason = "length"
        self.is_open = self.finish_reason is None and not self.text.strip()

    def row(self) -> dict[str, Any]:
        """As a row of the store's `nodes`, without what all of a run share."""
        return {
            "problem_id": self.problem_id,
            "path": self.path,
            "token_ids": self.token_ids,
            "text": self.text,
            "finish_reason": self.finish_reason,
            "logprob": None if None in (totals := [piece.logprob for piece in self._pieces]) else sum(totals),
            **token_columns(*self._pieces),
        }


def _whole_text(completion: Any, engine: Engine, delimiter: str) -> str:
    """The text of all tokens: vLLM cuts its own behind the delimiter, where the last token may go on."""
    text: str = completion.text
    last = engine.token_texts(completion.token_ids[-1:])
    if last and delimiter in last[0] and not text.endswith(last[0]):
        text += last[0].partition(delimiter)[2]
    return text


def _merged(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    r"""Texts of steps for the PRM, blank ones joined to the step before, and where each one went.

    Examples
    --------
    >>> _merged(["7*7\n", "", "49\n"])
    (['7*7\n', '49\n'], [0, 0, 1])
    """
    merged: list[str] = []
    owner = []
    for text in texts:
        if merged and not text.strip():
            merged[-1] += text
        else:
            merged.append(text)
        owner.append(len(merged) - 1)
    return merged, owner


def depth_of(path: str) -> int:
    """Steps on a path.

    Examples
    --------
    >>> depth_of("3"), depth_of("3.0.1")
    (1, 3)
    """
    return path.count(".") + 1


def upwards(path: str) -> list[str]:
    """A path and those before it, up to the first step."""
    found = []
    while path != ROOT:
        found.append(path)
        path = parent_of(path)
    return found
