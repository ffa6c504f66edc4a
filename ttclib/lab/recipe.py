"""The recipe: train a part of the family from a seed, measure it, write its card.

Each part can be trained alone; what it is made from is then the family's model that ships, or the one
named. A part that was stopped is continued by the same command.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ttclib.collect.progress import progress
from ttclib.errors import RequestError, one_of
from ttclib.lab.card import write_card
from ttclib.lab.evaluate import evaluate, evaluate_chains
from ttclib.lab.fit import Pace
from ttclib.lab.models import check_policy, load_tokenizer
from ttclib.lab.revision_data import VERIFIER_CONTEXT, ChainRecipe, context_ids, draw_chains, put_together
from ttclib.lab.rollouts import RolloutRecipe, Tree, draw_trees, informative, label_steps, spend
from ttclib.lab.train_policy import PolicyRecipe, train_policy
from ttclib.lab.train_revision import RevisionRecipe, train_revision
from ttclib.lab.train_verifier import Judged, VerifierRecipe, train_verifier
from ttclib.problems.arithmetic import STEP_END
from ttclib.shipped import CHECKPOINTS, checkpoint

Notify = Callable[[str], None]

POLICY = PolicyRecipe()


def _larger(matrix_rate: float, other_rate: float, **shape: Any) -> PolicyRecipe:
    """The same exercises in the same order; a larger model takes lower rates."""
    pace = dataclasses.replace(POLICY.pace, matrix_rate=matrix_rate, other_rate=other_rate)
    return dataclasses.replace(POLICY, pace=pace, **shape)


# By name; the number is that of the hidden parameters, of which the smallest has 54,040.
POLICIES = {
    "policy": POLICY,
    "policy-2x": _larger(0.010, 4.4e-3, hidden_size=56, n_layers=3, n_heads=4, intermediate_size=140),
    "policy-4x": _larger(0.0083, 3.8e-3, hidden_size=80, n_layers=3, n_heads=5, intermediate_size=192),
    "policy-14x": _larger(0.006, 3e-3, hidden_size=128, n_layers=4, n_heads=8, intermediate_size=320),
    # As many tokens: without its steps an exercise has a third of them.
    "policy-direct": dataclasses.replace(POLICY, n_exercises=315_000, steps=False),
}
ROLLOUTS = RolloutRecipe()
PRM = VerifierRecipe()
REVISION = RevisionRecipe()
CHAINS = ChainRecipe()
# The verifier of chains grows from a large policy that has learned to read them.
READER = RevisionRecipe(n_epochs=1, per_problem=3, pace=dataclasses.replace(REVISION.pace, matrix_rate=0.004))
REVISION_ORM = dataclasses.replace(
    PRM, n_solutions=4_000, pace=Pace(tokens_per_batch=3_000, matrix_rate=0.002, other_rate=5e-4, warmup_steps=20)
)


@dataclasses.dataclass(frozen=True)
class Order:
    """What a training is asked for.

    Attributes
    ----------
    output : pathlib.Path
        Each part goes into the folder of its name there.
    seed : int
        Repeats the result on the same machine with the same number of threads.
    scale : float
        Share of the recipe's data, in (0, 1].
    batch_tokens : int, optional
        Instead of the recipe's tokens per batch.
    sources : dict
        Directories of the parts that others are made from, by name; absent: the one that ships.
    """

    output: Path
    seed: int = 0
    scale: float = 1.0
    batch_tokens: int | None = None
    sources: dict[str, Path] = dataclasses.field(default_factory=dict)

    def source(self, part: str) -> Path:
        """Directory of a policy that another part is made from.

        Raises
        ------
        RequestError
            None there, or one that is not the lab's.
        """
        found = self.sources.get(part) or checkpoint(part)
        check_policy(found)
        return found

    def share(self, count: int) -> int:
        """So much of a count of the recipe."""
        return max(1, round(count * self.scale))

    def paced(self, pace: Pace) -> Pace:
        """A pace with the tokens per batch that were asked for."""
        return dataclasses.replace(pace, tokens_per_batch=self.batch_tokens or pace.tokens_per_batch)


def train(part: str, order: Order, *, notify: Notify = print) -> list[Path]:
    """Train one part, or all of them, each from the ones before it.

    Parameters
    ----------
    part : str
        "all", or one of `ttclib.shipped.CHECKPOINTS`.
    order : Order
    notify : callable
        Told, in lines, what is being done.

    Returns
    -------
    list of pathlib.Path
        The directories.

    Raises
    ------
    RequestError
        An unknown part; a scale or batch that cannot be; a source that is none.
    """
    one_of(part, ("all", *CHECKPOINTS), "part of the lab")
    if not 0 < order.scale <= 1:
        raise RequestError(f"scale {order.scale}: allowed above 0 and up to 1")
    if order.batch_tokens is not None and order.batch_tokens < 256:
        raise RequestError(f"batch-tokens {order.batch_tokens}: allowed 256 and more, room for the longest sequence")
    if part != "all":
        return [_TRAINERS[part](order, notify)]
    # What was finished before an interruption is not trained again.
    done: dict[str, Path] = {}
    for name in CHECKPOINTS:
        target = order.output / name
        if (target / "card.json").is_file():
            notify(f"{name}: '{target}' is finished; delete it to train it again")
        else:
            target = _TRAINERS[name](dataclasses.replace(order, sources=order.sources | done), notify)
        done[name] = target
    return list(done.values())


def _train_policy(name: str, order: Order, notify: Notify) -> Path:
    recipe = POLICIES[name]
    recipe = dataclasses.replace(
        recipe, n_exercises=order.share(recipe.n_exercises), seed=order.seed, pace=order.paced(recipe.pace)
    )
    directory = order.output / name
    notify(f"{name}: {recipe.n_exercises:,} exercises into '{directory}'")
    with progress(name, 100, "%") as tell:
        trained = train_policy(recipe, directory, report=percent(tell))
    figures = evaluate(directory, None)
    _card(directory, name, recipe, trained, figures, order)
    by_operations = ", ".join(f"{value:.2f}" for value in figures["pass_at_1_by_operations"].values())
    notify(f"{name}: pass@1 {figures['pass_at_1']:.3f} on validation; by operations {by_operations}")
    return directory


def _train_prm(order: Order, notify: Notify) -> Path:
    policy, large, directory = order.source("policy"), order.source("policy-14x"), order.output / "prm"
    trees, drawing_s = _trees(policy, order, notify)
    solutions = [(number, text) for number, tree in enumerate(trees) for text in (*tree.roots, *tree.branches)]
    problems = [tree.exercise for tree in trees]
    labelled = informative(label_steps(problems, solutions), seed=order.seed)
    tokenizer = load_tokenizer(policy)
    prompts = tokenizer([problem.prompt for problem in problems])["input_ids"]
    judged = [Judged(prompts[one.problem], one.steps, one.labels) for one in labelled]
    recipe = dataclasses.replace(PRM, seed=order.seed, pace=order.paced(PRM.pace))
    notify(f"prm: {min(len(judged), recipe.n_solutions):,} of {len(judged):,} solutions, {recipe.n_epochs} times")
    with progress("prm", 100, "%") as tell:
        trained = train_verifier(recipe, large, judged, directory, report=percent(tell))
    figures = evaluate(policy, directory)
    _card(directory, "prm", recipe, trained | {"drawing_s": drawing_s}, figures, order, data=_rollouts(order))
    notify(f"prm: within-problem AUC {figures['final_auc_within']} on validation")
    return directory


def _train_revision(order: Order, notify: Notify) -> Path:
    policy, directory = order.source("policy"), order.output / "revision"
    trees, drawing_s = _trees(policy, order, notify)
    chains = put_together(trees, per_problem=REVISION.per_problem, seed=order.seed)
    if not chains:
        raise _nothing_right(policy, trees)
    recipe = dataclasses.replace(REVISION, seed=order.seed, pace=order.paced(REVISION.pace))
    notify(f"revision: {len(chains):,} right answers after wrong ones, {recipe.n_epochs} times")
    with progress("revision", 100, "%") as tell:
        trained = train_revision(recipe, policy, chains, directory, report=percent(tell))
    figures = evaluate_chains(directory, None)
    _card(directory, "revision", recipe, trained | {"drawing_s": drawing_s}, figures, order, data=_rollouts(order))
    notify(f"revision: pass@1 along the chain {figures['pass_at_1_by_position']} on validation")
    return directory


def _train_revision_orm(order: Order, notify: Notify) -> Path:
    policy, revision, large = (order.source(name) for name in ("policy", "revision", "policy-14x"))
    asked = dataclasses.replace(CHAINS, n_problems=order.share(CHAINS.n_problems), seed=CHAINS.seed + order.seed)
    notify(f"revision-orm: {asked.n_problems:,} exercises × {asked.n_chains} chains × {asked.length} answers to draw")
    folder = _work(order, "chains", revision, asked)
    with progress("chains", asked.n_problems, "exercises") as tell:
        chains = draw_chains(revision, asked, folder, report=lambda done, total, text: tell(done, text))
    drawing_s = spend(folder, 0.0)
    reader, reading = _reader(policy, large, order, notify)
    tokenizer = load_tokenizer(revision)
    judged = [
        Judged(context_ids(tokenizer, chain, n_context=VERIFIER_CONTEXT), (chain.answer,), (float(chain.is_correct),))
        for chain in chains
        if chain.answer.rstrip(STEP_END)
    ]
    recipe = dataclasses.replace(REVISION_ORM, seed=order.seed, pace=order.paced(REVISION_ORM.pace))
    prm, directory = order.sources.get("prm") or checkpoint("prm"), order.output / "revision-orm"
    notify(f"revision-orm: {min(len(judged), recipe.n_solutions):,} answers, {recipe.n_epochs} times")
    with progress("revision-orm", 100, "%") as tell:
        trained = train_verifier(recipe, reader, judged, directory, start=prm, report=percent(tell))
    spent = {name: trained[name] + reading[name] for name in ("training_tokens", "steps", "train_s")}
    figures = evaluate_chains(revision, directory)
    _card(directory, "revision-orm", recipe, trained | spent | {"drawing_s": drawing_s}, figures, order, data=asked)
    notify(f"revision-orm: within-problem AUC {figures['orm_auc_within']} on validation")
    return directory


def _reader(policy: Path, large: Path, order: Order, notify: Notify) -> tuple[Path, dict[str, float]]:
    """The large policy, finetuned as the revision model is: without that an earlier answer confuses it."""
    directory = order.output / "revision-orm-base"
    done = directory / "trained.json"
    if not done.is_file():
        trees, _ = _trees(policy, order, notify)
        chains = put_together(trees, per_problem=READER.per_problem, seed=order.seed)
        if not chains:
            raise _nothing_right(policy, trees)
        chains = [dataclasses.replace(one, earlier=one.earlier[-VERIFIER_CONTEXT:]) for one in chains]
        recipe = dataclasses.replace(READER, seed=order.seed, pace=order.paced(READER.pace))
        notify(f"revision-orm: the large policy learns to read chains, {len(chains):,} of them")
        with progress("revision-orm-base", 100, "%") as tell:
            trained = train_revision(recipe, large, chains, directory, report=percent(tell))
        done.write_text(json.dumps(trained), encoding="utf-8")
    return directory, json.loads(done.read_text(encoding="utf-8"))


def _nothing_right(policy: Path, trees: list[Tree]) -> RequestError:
    return RequestError(f"the policy at '{policy}' solved none of {len(trees):,} exercises: nothing to revise towards")


_TRAINERS: dict[str, Callable[[Order, Notify], Path]] = {
    **{name: functools.partial(_train_policy, name) for name in POLICIES},
    "prm": _train_prm,
    "revision": _train_revision,
    "revision-orm": _train_revision_orm,
}


def _trees(policy: Path, order: Order, notify: Notify) -> tuple[list[Tree], float]:
    """Samples of the policy, which the PRM and the revision model share."""
    asked = _rollouts(order)
    n_solutions = asked.n_problems * (asked.n_root + asked.n_branches * asked.n_rollouts)
    notify(f"rollouts: {n_solutions:,} solutions of '{policy}', but for those drawn before")
    folder = _work(order, "rollouts", policy, asked)
    with progress("rollouts", asked.n_problems, "exercises") as tell:
        trees = draw_trees(policy, asked, folder, report=lambda done, total, text: tell(done, text))
    return trees, spend(folder, 0.0)


def _rollouts(order: Order) -> RolloutRecipe:
    return dataclasses.replace(ROLLOUTS, n_problems=order.share(ROLLOUTS.n_problems), seed=ROLLOUTS.seed + order.seed)


def _work(order: Order, what: str, source: Path, asked: Any) -> Path:
    """A folder for data of this source and recipe: another's is deleted, not mixed in."""
    folder = order.output / what
    weights = hashlib.sha256((source / "model.safetensors").read_bytes()).hexdigest()
    stamp = f"{weights} {asked}"
    mark = folder / "made-from.txt"
    if folder.is_dir() and (not mark.is_file() or mark.read_text(encoding="utf-8") != stamp):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(stamp, encoding="utf-8")
    return folder


def percent(tell: Any) -> Callable[[int, int, str], None]:
    """A training's report as a progress of 100."""
    return lambda done, total, text: tell(round(100 * done / total), text)


def _card(
    directory: Path,
    part: str,
    recipe: Any,
    trained: dict[str, float],
    figures: dict[str, Any],
    order: Order,
    *,
    data: Any = None,
) -> None:
    stated = {"recipe": dataclasses.asdict(recipe), "training": trained, "figures": figures, "scale": order.scale}
    if data is not None:
        stated["data"] = dataclasses.asdict(data)
    write_card(directory, part, stated)
