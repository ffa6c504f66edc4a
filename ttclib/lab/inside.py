"""Steps inside the training or samples outside: policies with and without steps, over their training tokens.

Two families of one size. Each point is a training of its own, with learning rates that fall to its end: what a longer
training looked like midway would be held back by rates that are still high. One of each family ships.
"""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

from ttclib.collect import keeper, run
from ttclib.collect.progress import progress
from ttclib.config import RunConfig, load_config
from ttclib.lab.collect import Notify, ship_without
from ttclib.lab.recipe import POLICIES, percent
from ttclib.lab.train_policy import train_policy
from ttclib.problems.arithmetic import exercises
from ttclib.shipped import checkpoint


@dataclasses.dataclass(frozen=True)
class InsideRecipe:
    """What is trained and drawn.

    Attributes
    ----------
    times : dict of str to tuple of float
        By part of the lab, trainings with so many times its exercises; the one with as many is the part itself.
    n_problems : int
        Of the test split.
    n_samples, n_samples_direct : int
        Of the policy with steps and of the direct one; each answer of the latter is a few tokens.
    n_samples_checkpoint : int
        Of every other one.
    n_examples : int
        Worked exercises in the prompt of the direct policy: steps at inference alone.
    """

    times: dict[str, tuple[float, ...]] = dataclasses.field(
        default_factory=lambda: {"policy": (0.25, 0.5), "policy-direct": (0.25, 4.0, 10.0)}
    )
    n_problems: int = 250
    n_samples: int = 32
    n_samples_direct: int = 1024
    n_samples_checkpoint: int = 32
    n_examples: int = 3


RECIPE = InsideRecipe()
_LEFT_OUT = ("completion", "completion_ids", "step_tokens", "step_logprobs")
_DECIMALS = 3  # whole samples are ranked, no step of a search


def train_checkpoints(recipe: InsideRecipe, output: Path, *, notify: Notify = print) -> dict[str, str]:
    """Train what is not there yet, and name all policies by where they are.

    Parameters
    ----------
    recipe : InsideRecipe
    output : pathlib.Path
        Receives a folder for each; one that was stopped continues.
    notify : callable

    Returns
    -------
    dict
        A checkpoint's path by its name in the store: ``lab-policy``, and ``lab-policy@0.5x`` with half its exercises.
    """
    found = {}
    for part, several in recipe.times.items():
        for times in several:
            name = f"{part}@{times:g}x"
            directory = output / name
            if not (directory / "tokenizer_config.json").is_file():  # what is written last
                base = POLICIES[part]
                asked = dataclasses.replace(base, n_exercises=max(1, round(base.n_exercises * times)))
                notify(f"{name}: {asked.n_exercises:,} exercises into '{directory}'")
                with progress(name, 100, "%") as tell:
                    train_policy(asked, directory, report=percent(tell))
            found[f"lab-{name}"] = str(directory)
        checkpoint(part)  # refuses before hours are spent
        found[f"lab-{part}"] = f"lab:{part}"
    return found


def collect_inside(
    store: Path,
    output: Path,
    *,
    recipe: InsideRecipe = RECIPE,
    most: float | None = None,
    ship: Path | None = None,
    notify: Notify = print,
) -> None:
    """Train both families, draw, score and grade their answers to the same problems; what is there stays.

    Answers of the direct policy are read by the lab's PRM, which has learned from steps and sees one line here; the
    policy's own log-probability is kept of all.

    Parameters
    ----------
    store, output : pathlib.Path
    recipe : InsideRecipe
    most : float, optional
        Trainings with more than so many times the exercises are left out; they take the longest.
    ship : pathlib.Path, optional
        Also write it here as it ships: without texts, packed beside it.
    notify : callable
    """
    if most is not None:
        fewer = {part: tuple(one for one in several if one <= most) for part, several in recipe.times.items()}
        recipe = dataclasses.replace(recipe, times=fewer)
    policies = train_checkpoints(recipe, output, notify=notify)
    direct = policies["lab-policy-direct"]
    sizes = {"lab-policy": recipe.n_samples, "lab-policy-direct": recipe.n_samples_direct}

    def config(name: str, path: str, **more: object) -> RunConfig:
        size = sizes.get(name, recipe.n_samples_checkpoint)
        whose = {"policy__name": name, "policy__path": path, "sampling__n_samples": size}
        return load_config("lab", store=str(store), problems__limit=recipe.n_problems, **whose, **more)

    shown = islice(exercises([1], operations=(2, 3)), recipe.n_examples)
    examples = [{"prompt": one.prompt, "answer": one.solution} for one in shown]
    asked = [config(name, path) for name, path in policies.items()]
    asked.append(config("lab-policy-direct-few-shot", direct, prompt__examples=examples))
    for one in asked:
        run.check(one)
    try:
        for one in asked:
            run.sample(one, notify=notify)
        run.score(config("lab-policy-direct", direct), notify=notify)
        run.grade(store, asked[0].grading.grader, notify=notify)
    finally:
        keeper.take_in(store, notify=notify)
    if ship is not None:
        ship_without(store, ship, _LEFT_OUT, decimals=_DECIMALS, notify=notify)
