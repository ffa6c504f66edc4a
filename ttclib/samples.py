"""What a store holds, as arrays and facts: the shapes in which the store gives and replay takes.

No file, no model, no clock. Missing is NaN (−1 for an answer), never 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from ttclib.errors import RequestError, one_of
from ttclib.setting_keys import value_at

AGGREGATIONS = ("last", "min", "prod", "mean")
LOGPROB = "logprob"
PRM, ORM = "prm", "orm"
NAMED_VERIFIERS = (PRM, ORM, LOGPROB)  # or the own name of a verifier in the store

# (tokens of the step, ends its solution, score or None: not read, tokens the verifier reads up to its end)
Step: TypeAlias = tuple[int, bool, float | None, float]


@dataclass(frozen=True)
class ModelFacts:
    """What a cost needs to know about a model; None: unknown, never a guess.

    Attributes
    ----------
    model : str
        Its name in the store.
    kind : str or None
        Of a verifier: ``prm``, ``orm``, ``judge`` or ``confidence``.
    n_parameters : int or None
        All parameters, tied ones once.
    n_embedding : int or None
        Of these, in the input and output embeddings.
    n_layers, n_heads, n_kv_heads, head_dim, hidden_size : int or None
    training_tokens : int or None
        Tokens of pretraining.
    usd_per_mtok_input, usd_per_mtok_output : float or None
        List price of a million tokens read, and written (reasoning included).
    price_date : str or None
        When that was the price, ``YYYY-MM-DD``.
    """

    model: str
    n_parameters: int | None = None
    n_embedding: int | None = None
    n_layers: int | None = None
    n_heads: int | None = None
    n_kv_heads: int | None = None
    head_dim: int | None = None
    hidden_size: int | None = None
    training_tokens: int | None = None
    usd_per_mtok_input: float | None = None
    usd_per_mtok_output: float | None = None
    price_date: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Setting:
    """All that decides a draw beside the policy and the problem: free keys, of which an absent one is a value, too.

    Attributes
    ----------
    name : str
        Short hash of the keys (`ttclib.setting_keys.setting_name`), by which the store knows the setting.
    keys : mapping of str to value
        Such as ``temperature``, ``top_p``, ``max_tokens``, ``prompt_format``, ``reasoning_effort``.
    """

    name: str
    keys: Mapping[str, Any] = field(default_factory=dict)

    def label(self, differing: Mapping[str, Any] | tuple[str, ...] | None = None) -> str:
        """The setting in words: the keys that tell it apart, or all of them but the prompt's text.

        Examples
        --------
        >>> Setting("a1", {"temperature": 0.5, "top_p": 1.0}).label(("temperature", "reasoning_effort"))
        'temperature=0.5, no reasoning_effort'
        """
        names = tuple(key for key in self.keys if key != "prompt_format") if differing is None else tuple(differing)
        values = {name: value_at(self.keys, name) for name in names}
        said = [f"no {name}" if value is None else f"{name}={_shown(value)}" for name, value in values.items()]
        return ", ".join(said) or "one setting"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Verifier:
    """A named source of scores: what it says of each sample, and what its reading costs.

    Attributes
    ----------
    name : str
    kind : {"prm", "orm", "judge", "logprob", "confidence"}
        A PRM scores steps; an outcome reward model (ORM) gives one score a sample; ``logprob`` is the policy's
        own mean token log-probability, as ``exp`` of it, so that weights are positive.
    scores : mapping of str to float array, the shape of the samples
        By aggregation of the step scores (`AGGREGATIONS`); NaN: not scored.
    prm_tokens : float array, the shape of the samples
        Tokens that it read; NaN: unknown. 0 where reading costs nothing.
    model : ModelFacts or None
    """

    name: str
    kind: str
    scores: Mapping[str, np.ndarray]
    prm_tokens: np.ndarray
    model: ModelFacts | None = None

    def by(self, aggregation: str = "last") -> np.ndarray:
        """One score a sample; NaN: not scored.

        Raises
        ------
        RequestError
            An unknown aggregation.
        """
        return self.scores[one_of(aggregation, AGGREGATIONS, "aggregation")]

    @property
    def tokens_read(self) -> np.ndarray:
        """`prm_tokens`, 0 for a sample that it could not read."""
        return np.where(np.isnan(self.prm_tokens) & np.isnan(self.scores["last"]), 0.0, self.prm_tokens)

    @property
    def label(self) -> str:
        """Its kind and name in words."""
        if self.kind == LOGPROB:
            return "the policy's own log-probability"
        return f"{self.kind.upper() if self.kind in (PRM, ORM) else self.kind} {self.name}"


def own_logprob(mean_logprob: np.ndarray) -> Verifier:
    """The policy's mean token log-probability as a verifier: its ``exp``, which costs no reading.

    Parameters
    ----------
    mean_logprob : float array
        NaN: unknown.
    """
    score = np.exp(mean_logprob)
    score.flags.writeable = False
    return Verifier(LOGPROB, LOGPROB, dict.fromkeys(AGGREGATIONS, score), np.zeros(score.shape))


class _Scored:
    """What samples of any shape share: who scored them, and how one of these is meant."""

    store: str
    policy: str
    verifiers: Mapping[str, Verifier]

    def verifier(self, wanted: str = PRM, *, needs_steps: bool = False) -> Verifier:
        """The verifier that is meant by a name.

        Parameters
        ----------
        wanted : str
            ``prm``: the PRM that scored most, an ORM where there is no PRM; ``orm``: the ORM that scored most;
            ``logprob``; or a verifier's own name, which goes first.
        needs_steps : bool
            Whether single steps must be scored, as a search wants it.

        Raises
        ------
        RequestError
            An unknown name, or the store has none of its scores.
        """
        named = self.verifiers.get(wanted)
        if named is None:
            one_of(wanted, dict.fromkeys((*NAMED_VERIFIERS, *self.verifiers)), "verifier")
            kinds = {PRM: (PRM, ORM, "judge", "confidence"), ORM: (ORM, "judge", "confidence")}.get(wanted, ())
            ranked = sorted(
                (one for one in self.verifiers.values() if one.kind in kinds), key=lambda one: kinds.index(one.kind)
            )
            named = ranked[0] if ranked else None
        if named is None or np.isnan(named.by()).all():
            others = ", ".join(name for name, one in self.verifiers.items() if not np.isnan(one.by()).all())
            remedy = "sample it with ttclib, which keeps them" if wanted == LOGPROB else "score it with `ttc score`"
            raise RequestError(
                f"'{self.store}' holds no {wanted} scores for policy '{self.policy}' (verifiers: {others or 'none'}): "
                f"{remedy}"
            )
        if needs_steps and named.kind != PRM:
            raise RequestError(
                f"verifier '{named.name}' scores whole answers, and a search needs a score a step: name a PRM"
            )
        return named

    def has_scores(self, wanted: str = PRM) -> bool:
        """Whether a verifier of that name has scored anything."""
        try:
            self.verifier(wanted)
        except RequestError:
            return False
        return True


@dataclass(frozen=True)
class Pool(_Scored):
    """The samples of one policy under one setting, or their counts.

    Pools of unequal size are padded at the right; `present` says which cells hold a sample.

    Attributes
    ----------
    store, policy : str
    setting : Setting
    problem_ids : list of str, length problems
    present : bool array, shape (problems, samples)
    correct : float array, shape (problems, samples)
        1, 0, or NaN: not graded.
    answer_ids : int array, shape (problems, samples)
        Equivalence class of the answer within its problem; −1: no answer.
    completion_tokens : float array, shape (problems, samples)
        NaN: unknown.
    prompt_tokens : float array, shape (problems,)
    verifiers : mapping of str to Verifier
        The one that scored most first; ``logprob`` is among them.
    policy_model : ModelFacts or None
    benchmark : str or None
    counts : (int array, int array) or None
        Shape (problems,) each: samples and right ones, where that is all that is known. The other arrays then
        have no columns.
    """

    store: str
    policy: str
    setting: Setting
    problem_ids: list[str]
    present: np.ndarray
    correct: np.ndarray
    answer_ids: np.ndarray
    completion_tokens: np.ndarray
    prompt_tokens: np.ndarray
    verifiers: Mapping[str, Verifier] = field(default_factory=dict)
    policy_model: ModelFacts | None = None
    benchmark: str | None = None
    counts: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def pool_sizes(self) -> np.ndarray:
        """Samples of each problem, shape (problems,)."""
        return self.present.sum(axis=1) if self.counts is None else self.counts[0]

    @property
    def n_graded(self) -> np.ndarray:
        """Samples with a grade of right or wrong, shape (problems,)."""
        return (~np.isnan(self.correct)).sum(axis=1) if self.counts is None else self.counts[0]

    @property
    def n_correct(self) -> np.ndarray:
        """Of the graded ones the right ones, shape (problems,)."""
        return np.nansum(self.correct, axis=1) if self.counts is None else self.counts[1]

    @property
    def has_answers(self) -> bool:
        """Whether a final answer of any sample is known."""
        return bool((self.answer_ids >= 0).any())

    @property
    def policy_parameters(self) -> int | None:
        """Parameters of the policy, for FLOPs; None: the store does not know."""
        return None if self.policy_model is None else self.policy_model.n_parameters

    def of_problems(self, rows: np.ndarray) -> Pool:
        """The same pool on some of its problems, by their rows or a mask, in that order."""
        places = np.arange(len(self.problem_ids))[rows]

        def pick(table: np.ndarray) -> np.ndarray:
            return table[places]

        return replace(
            self,
            problem_ids=[self.problem_ids[place] for place in places],
            prompt_tokens=pick(self.prompt_tokens),
            counts=None if self.counts is None else (pick(self.counts[0]), pick(self.counts[1])),
            **self._samples(pick),
        )

    def of_samples(self, columns: np.ndarray) -> Pool:
        """The same pool with some of its samples.

        Parameters
        ----------
        columns : int array, shape (problems, chosen)
            Which samples of each problem, those present first.
        """
        return replace(self, **self._samples(lambda table: np.take_along_axis(table, columns, axis=1)))

    def _samples(self, pick: Any) -> dict[str, Any]:
        """The fields with a value a sample, each cut by `pick`; aggregations that share an array go on sharing it."""
        cut: dict[int, np.ndarray] = {}

        def once(table: np.ndarray) -> np.ndarray:
            return cut.setdefault(id(table), pick(table))

        verifiers = {
            name: replace(
                one, scores={how: once(table) for how, table in one.scores.items()}, prm_tokens=once(one.prm_tokens)
            )
            for name, one in self.verifiers.items()
        }
        tables = ("present", "correct", "answer_ids", "completion_tokens")
        return {"verifiers": verifiers, **{name: once(getattr(self, name)) for name in tables}}


@dataclass(frozen=True)
class Chains(_Scored):
    """The revision chains of one model under one setting.

    Problems with fewer chains are padded at the end of the second axis, shorter chains at the end of
    the third; `present` says which cells hold an answer.

    Attributes
    ----------
    store, policy : str
        `policy` is the revision model.
    setting : Setting
    problem_ids : list of str, length problems
    present : bool array, shape (problems, chains, positions)
    correct : float array, shape (problems, chains, positions)
        1, 0, or NaN: not graded.
    answer_ids : int array, shape (problems, chains, positions)
        Equivalence class of the answer within its problem; −1: no answer.
    completion_tokens : float array, shape (problems, chains, positions)
        Of this answer. NaN: unknown.
    prompt_tokens : float array, shape (problems, chains, positions)
        Before this answer: the prompt and the earlier answers in view.
    verifiers : mapping of str to Verifier
        The one that scored most first; ``logprob`` is among them. Their `prm_tokens` count the earlier answers in
        view, too.
    policy_model : ModelFacts or None
    """

    store: str
    policy: str
    setting: Setting
    problem_ids: list[str]
    present: np.ndarray
    correct: np.ndarray
    answer_ids: np.ndarray
    completion_tokens: np.ndarray
    prompt_tokens: np.ndarray
    verifiers: Mapping[str, Verifier] = field(default_factory=dict)
    policy_model: ModelFacts | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Answers of each chain up to its end or its first hole, shape (problems, chains)."""
        return np.cumprod(self.present, axis=2).sum(axis=2)


@dataclass(frozen=True, eq=False)
class Steps:
    """All steps of some trees as one table: a tree's rows lie together, its root first, each step behind its parent.

    Attributes
    ----------
    roots : int array, shape (trees + 1,)
        Where each tree begins, and the end.
    parent : int array, shape (rows,)
        Row of the step before; −1: a root.
    child : int array, shape (rows,)
        Which child of its parent it is; −1: the greedy one, or a root.
    n_tokens : int array, shape (rows,)
        Of the step alone; of a root the prompt's.
    ends : bool array, shape (rows,)
        Whether it ends its solution.
    is_read : bool array, shape (rows,)
        Whether the verifier read it.
    score : float array, shape (rows,)
        NaN: could not be scored.
    prm_tokens : float array, shape (rows,)
        Tokens that the verifier reads up to the step's end; NaN: unknown.
    is_graded : bool array, shape (rows,)
    answer_class : int array, shape (rows,)
        −1: no answer.
    correct : float array, shape (rows,)
        1, 0, or NaN: could not be graded.
    """

    roots: np.ndarray
    parent: np.ndarray
    child: np.ndarray
    n_tokens: np.ndarray
    ends: np.ndarray
    is_read: np.ndarray
    score: np.ndarray
    prm_tokens: np.ndarray
    is_graded: np.ndarray
    answer_class: np.ndarray
    correct: np.ndarray

    @cached_property
    def children(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of all children by their parents and numbers, and where each row's begin there, shape (rows + 1,)."""
        numbered = np.flatnonzero(self.child >= 0)
        places = numbered[np.argsort((self.parent[numbered].astype(np.int64) << 32) | self.child[numbered])]
        counts = np.bincount(self.parent[numbered], minlength=len(self.parent))
        return places.astype(np.int32), np.r_[0, np.cumsum(counts)].astype(np.int32)

    @cached_property
    def greedy(self) -> np.ndarray:
        """Row of each row's greedy child, shape (rows,); −1: it has none."""
        found = np.full(len(self.parent), -1, np.int32)
        drawn = np.flatnonzero((self.child < 0) & (self.parent >= 0))
        found[self.parent[drawn]] = drawn
        return found

    @cached_property
    def branches(self) -> np.ndarray:
        """Whether a tree has more than whole samples, in which a step has no second child; shape (trees,)."""
        inner = (self.parent >= 0) & (self.child != 0)
        inner[inner] = self.parent[self.parent[inner]] >= 0
        return np.logical_or.reduceat(inner, self.roots[:-1]) if len(inner) else np.zeros(0, bool)

    @cached_property
    def derived(self) -> dict[Any, Any]:
        """What was computed from the table, by whatever names it."""
        return {}

    def row(self, tree: int, path: str) -> int | None:
        """Row of a tree's step by its path; None: it was never drawn."""
        rows: dict[str, int | None] = self.derived.setdefault(tree, {"": int(self.roots[tree])})
        if path not in rows:
            before, _, own = path.rpartition(".")
            above = self.row(tree, before)
            rows[path] = None if above is None else self._child(above, own)
        return rows[path]

    def _child(self, above: int, own: str) -> int | None:
        if own == "g":
            row = int(self.greedy[above])
            return None if row < 0 else row
        places, begins = self.children
        rows, number = places[begins[above] : begins[above + 1]], int(own)
        at = number  # unless one before it is not there
        if number >= len(rows) or self.child[rows[number]] != number:
            at = int(np.searchsorted(self.child[rows], number))
        return int(rows[at]) if at < len(rows) and self.child[rows[at]] == number else None


@dataclass(frozen=True)
class Tree:
    """The sample trees of one policy under one setting, one a problem, with one verifier's scores.

    Attributes
    ----------
    store, policy : str
    setting : Setting
    verifier : str
        Whose scores the steps carry.
    problem_ids : list of str
    places : int array, shape (problems,)
        Which of the trees in `steps` is a problem's.
    steps : Steps
    policy_model, verifier_model : ModelFacts or None
    """

    store: str
    policy: str
    setting: Setting
    verifier: str
    problem_ids: list[str]
    places: np.ndarray
    steps: Steps
    policy_model: ModelFacts | None = None
    verifier_model: ModelFacts | None = None

    @property
    def prompt_tokens(self) -> list[int]:
        """Of each problem."""
        tokens: list[int] = self.steps.n_tokens[self.steps.roots[self.places]].tolist()
        return tokens

    @property
    def sizes(self) -> list[int]:
        """Steps of each problem."""
        sizes: list[int] = (np.diff(self.steps.roots)[self.places] - 1).tolist()
        return sizes

    @property
    def first_steps(self) -> np.ndarray:
        """Of each problem the first steps drawn, shape (problems,)."""
        begins = self.steps.children[1]
        roots = self.steps.roots[self.places]
        return begins[roots + 1] - begins[roots]

    def step(self, problem: int, path: str) -> Step | None:
        """A step of a problem's tree; None: it was never drawn."""
        row = self.steps.row(int(self.places[problem]), path)
        if row is None:
            return None
        steps = self.steps
        score = steps.score[row].item() if steps.is_read[row] else None
        return steps.n_tokens[row].item(), steps.ends[row].item(), score, steps.prm_tokens[row].item()

    def grade(self, problem: int, path: str) -> tuple[int, float] | None:
        """Answer class and correctness of a leaf; None: it was not graded."""
        row = self.steps.row(int(self.places[problem]), path)
        if row is None or not self.steps.is_graded[row]:
            return None
        return self.steps.answer_class[row].item(), self.steps.correct[row].item()

    def of_problems(self, problems: Sequence[int]) -> Tree:
        """The trees of some of the problems, by their numbers."""
        return replace(
            self,
            problem_ids=[self.problem_ids[problem] for problem in problems],
            places=self.places[np.asarray(problems, dtype=int)],
        )

    def searched(self) -> Tree:
        """Of the problems that a search drew more of than whole samples, in which a step never has a second child.

        Returns
        -------
        Tree
            Maybe of no problem.
        """
        return self.of_problems(np.flatnonzero(self.steps.branches[self.places]).tolist())
