"""The flywheel: what sampling finds on training problems is trained on, and the test problems are sampled again.

A round draws training problems with the current policy under a plan of its own, keeps the best sample of each, trains
the policy on these and samples the test problems with what came of it. Two ways to keep: ``verified``, a right one
by the reference (the likeliest); ``verifier``, what the lab's PRM chooses, right or wrong. Two controls at equal FLOPs
in all: the first policy reads its own exercises again (``longer``, within reason), and it is sampled more (its test
pool is larger).

No test problem takes part in a choice: plans are made on validation problems, difficulty is told by the first samples
of the training problems themselves, and test problems are held out by a checksum of their canonical form.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ttclib.analysis.cost import flops_per_token, pretrain_flops
from ttclib.analysis.frontier import frontier
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.plan import Plan
from ttclib.collect import keeper, run
from ttclib.collect.progress import progress
from ttclib.config import RunConfig, load_config
from ttclib.errors import RequestError, TTCError, one_of
from ttclib.fresh_names import write_whole
from ttclib.lab.collect import ship_without
from ttclib.lab.finetune import TRAINED, FinetuneRecipe, finetune, once
from ttclib.lab.recipe import POLICY, percent
from ttclib.lab.rollouts import spend
from ttclib.lab.tokenizer import build_tokenizer
from ttclib.lab.train_policy import PolicyRecipe, encode, train_policy
from ttclib.problems.arithmetic import PRACTISED_OPERATIONS, Exercise, exercises, held_out
from ttclib.samples import PRM, Pool
from ttclib.shipped import checkpoint
from ttclib.store import load_pool
from ttclib.store.rounds import Round, load_rounds, sampling_seconds, spent, write_round
from ttclib.store.texts import load_texts
from ttclib.study.question import question
from ttclib.study.study import open as open_study

WAYS = ("verified", "verifier")
BASE = "lab-policy"
TRAIN, VALIDATION = "lab-train", "lab-validation"  # benchmarks of the store that is practised in
# What a way may choose among: with the reference any right sample is as good as found.
_STRATEGIES = {"verified": ("pass_at_k",), "verifier": ("best_of_n", "weighted_best_of_n")}
_DIFFICULTY = {"verified": "oracle", "verifier": "predicted"}
FINETUNING = FinetuneRecipe()
MOST_TIMES_LONGER = 2.0  # the control reads at most so many times what the policy was trained on
_NAMES = {"verified": BASE, "verifier": f"{BASE}-prm"}
Notify = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class FlywheelRecipe:
    """How large a turn is.

    Attributes
    ----------
    n_train : int
        Exercises, the same in every round.
    n_probes : int
        First samples of each, which tell its difficulty and are used again.
    mean_samples : float
        What the plan may spend on a problem, on average.
    n_validation, n_planned : int
        Problems that plans are made on, and samples of each.
    n_test, n_samples : int
        Test problems, and samples of each by every policy.
    n_base : int
        Samples of each by the first policy, which is also sampled more instead of being trained.
    finetuning : FinetuneRecipe
    seed : int
    """

    n_train: int = 3_000
    n_probes: int = 2
    mean_samples: float = 4.0
    n_validation: int = 110
    n_planned: int = 16
    n_test: int = 220
    n_samples: int = 64
    n_base: int = 256
    finetuning: FinetuneRecipe = FINETUNING
    seed: int = 0

    def scaled(self, scale: float) -> FlywheelRecipe:
        """The same with a share of the problems that are practised and planned on; the test problems stay.

        Raises
        ------
        RequestError
            The share is not above 0 and up to 1.
        """
        if not 0 < scale <= 1:
            raise RequestError(f"scale {scale}: allowed above 0 and up to 1")
        if scale == 1:
            return self
        n_train, n_validation = (max(33, round(n * scale)) for n in (self.n_train, self.n_validation))
        return dataclasses.replace(self, n_train=n_train, n_validation=n_validation)


RECIPE = FlywheelRecipe()


def turn(
    output: Path,
    store: Path,
    *,
    n_rounds: int = 3,
    way: str = "both",
    scale: float = 1.0,
    recipe: FlywheelRecipe = RECIPE,
    notify: Notify = print,
) -> None:
    """Turn the flywheel; what is finished is not done again, so that one that was stopped goes on.

    Parameters
    ----------
    output : pathlib.Path
        Receives the policies, and a store of what was practised.
    store : pathlib.Path
        Receives the samples of the test problems, and what each round took.
    n_rounds : int
    way : {"both", "verified", "verifier"}
    scale : float
        Share of the recipe's problems that are practised and planned on.
    recipe : FlywheelRecipe
    notify : callable
        Told, in lines, what is being done.

    Raises
    ------
    RequestError
        No round, another way, a scale that cannot be, or an output of another recipe; nothing was written.
    """
    one_of(way, ("both", *WAYS), "way to keep samples")
    if n_rounds < 1:
        raise RequestError(f"{n_rounds} rounds: give at least 1")
    wheel = _Wheel(output, store, recipe.scaled(scale), notify)
    run.check(wheel.test_config(BASE, checkpoint("policy")))
    wheel.begin()
    try:
        wheel.test(BASE, checkpoint("policy"), wheel.recipe.n_base)
        for one in WAYS if way == "both" else (way,):
            name, path = BASE, checkpoint("policy")
            for number in range(1, n_rounds + 1):
                name, path = wheel.round(one, number, name, path)
            wheel.longer(one, n_rounds, name)
    finally:
        for written in (*map(wheel.practice, WAYS), store):
            keeper.take_in(written, notify=notify)


def practised(recipe: FlywheelRecipe) -> list[Exercise]:
    """The exercises of every round, no two alike."""
    found: dict[str, Exercise] = {}
    for exercise in exercises([recipe.seed, 77]):
        found.setdefault(exercise.expression, exercise)
        if len(found) == recipe.n_train:
            break
    return list(found.values())


def longer_recipe(tokens: float, recipe: FlywheelRecipe) -> PolicyRecipe:
    """The policy's own exercises, from the first on, for so many tokens, at the pace of a round."""
    pace = dataclasses.replace(recipe.finetuning.pace, tokens_per_batch=POLICY.pace.tokens_per_batch)
    again = dataclasses.replace(POLICY, short_at_first=0.0, pace=pace)
    stream = exercises([again.seed, 0], short=again.short, operations=(1, PRACTISED_OPERATIONS))
    length = np.mean([len(one.ids) for one in encode(build_tokenizer(), list(islice(stream, 2_000)))])
    return dataclasses.replace(again, n_exercises=max(1, round(tokens / length)))


def choose(pool: Pool, way: str, strategies: Sequence[str]) -> list[tuple[int, int]]:
    """The sample of each problem that is kept, as (row, column) of a pool; problems without one are left out.

    Parameters
    ----------
    pool : Pool
    way : {"verified", "verifier"}
        The likeliest of the right samples; or as `strategies` says, whatever the grades.
    strategies : sequence of str, length problems
        ``weighted_best_of_n``: of the answer with the largest sum of scores the best-scored sample; else that of all.
    """
    likely = pool.verifier("logprob").by() if way == "verified" else pool.verifier(PRM).by()
    kept = []
    for row, scores in enumerate(likely):
        able = pool.present[row] & ~np.isnan(scores)
        if way == "verified":
            able &= pool.correct[row] == 1
        elif strategies[row] == "weighted_best_of_n" and (voting := able & (pool.answer_ids[row] >= 0)).any():
            sums = np.bincount(pool.answer_ids[row][voting], weights=scores[voting])
            able = voting & (pool.answer_ids[row] == sums.argmax())
        if able.any():
            kept.append((row, int(np.where(able, scores, -np.inf).argmax())))
    return kept


@dataclasses.dataclass(frozen=True)
class _Wheel:
    """Where everything lies, and the stages of a round."""

    output: Path
    store: Path
    recipe: FlywheelRecipe
    notify: Notify

    def practice(self, way: str) -> Path:
        """The store of a way's training and validation problems, which no test problem enters."""
        return self.output / f"practice-{way}.duckdb"

    def begin(self) -> None:
        """Write down the recipe, and refuse a folder that was begun with another."""
        mark, stated = self.output / "recipe.json", json.dumps(dataclasses.asdict(self.recipe), indent=1)
        if mark.is_file() and mark.read_text(encoding="utf-8") != stated:
            raise RequestError(
                f"'{self.output}' was begun with another recipe or scale: give the same, or another --output"
            )
        self.output.mkdir(parents=True, exist_ok=True)
        mark.write_text(stated, encoding="utf-8")
        _write_problems(self.output / f"{TRAIN}.jsonl", practised(self.recipe))
        _write_problems(self.output / f"{VALIDATION}.jsonl", held_out("validation", self.recipe.n_validation))

    def test_config(self, name: str, path: Path, n_samples: int | None = None) -> RunConfig:
        """The lab's preset with a policy on the test problems."""
        return load_config(
            "lab", store=str(self.store), policy__name=name, policy__path=_named(path), prm=None,
            problems__limit=self.recipe.n_test, sampling__n_samples=n_samples or self.recipe.n_samples,
        )  # fmt: skip

    def test(self, name: str, path: Path, n_samples: int | None = None) -> None:
        """Sample and grade the test problems."""
        config = self.test_config(name, path, n_samples)
        run.sample(config, notify=self.notify)
        run.grade(self.store, config.grading.grader, notify=self.notify)

    def practise(self, way: str, name: str, path: Path, problems: str, n_samples: int, *, only: str = "") -> None:
        """Sample, score and grade training or validation problems, all of them or those of a file."""
        config = load_config(
            "lab", store=str(self.practice(way)), policy__name=name, policy__path=_named(path),
            problems__source=str(self.output / f"{only or problems}.jsonl"), problems__benchmark=problems,
            problems__limit=max(self.recipe.n_train, self.recipe.n_validation), sampling__n_samples=n_samples,
            sampling__seed=self.recipe.seed + 1,
        )  # fmt: skip
        run.sample(config, notify=self.notify)
        if way == "verifier":
            started = time.monotonic()
            run.score(config, notify=self.notify)
            folder = self.output / f"scored-{name}"
            folder.mkdir(exist_ok=True)
            spend(folder, time.monotonic() - started)
        run.grade(self.practice(way), config.grading.grader, notify=self.notify)

    def plan(self, way: str, name: str) -> Plan:
        """What to draw for which bin, made on the policy's validation problems alone."""
        study = open_study(self.practice(way), name, benchmark=VALIDATION)
        asked = question(
            strategies=_STRATEGIES[way], bins=5, difficulty=_DIFFICULTY[way], told="same", seed=self.recipe.seed
        )
        told = study.told(asked)
        found = frontier(
            told.outcomes, told.difficulty, ledger=Ledger(unit="generations"), limits=[self.recipe.mean_samples],
            per="average", n_resamples=20, seed=self.recipe.seed,
        )  # fmt: skip
        return found.plan

    def draw(self, way: str, name: str, path: Path, plan: Plan) -> list[str]:
        """Sample the training problems under a plan, and say which strategy each was given."""
        self.practise(way, name, path, TRAIN, self.recipe.n_probes)
        pool = load_pool(self.practice(way), policy=name, benchmark=TRAIN)
        first = pool.of_samples(np.tile(np.arange(self.recipe.n_probes), (len(pool.problem_ids), 1)))
        told = first.verifier(PRM).by() if way == "verifier" else first.correct
        rng = np.random.default_rng(self.recipe.seed)
        with np.errstate(invalid="ignore"):
            bins = plan.bins(np.nanmean(told, axis=1), self.recipe.seed)
        given: dict[str, tuple[int, str]] = {}
        for problem, number in zip(pool.problem_ids, bins, strict=True):
            steps = plan.choose(int(number), self.recipe.mean_samples) if number else ()
            shares = np.cumsum([step.share for step in steps])
            step = steps[int(np.searchsorted(shares, rng.random() * shares[-1]))] if steps else None
            given[problem] = (step.budget, step.strategy) if step else (self.recipe.n_probes, _STRATEGIES[way][0])
        lines = (self.output / f"{TRAIN}.jsonl").read_text(encoding="utf-8").splitlines()
        for budget in sorted({budget for budget, _ in given.values() if budget > self.recipe.n_probes}):
            own = f"{TRAIN}-{way}-{name}-{budget}"
            chosen = [line for line in lines if given[json.loads(line)["problem_id"]][0] == budget]
            write_whole(self.output / f"{own}.jsonl", "\n".join(chosen) + "\n")
            self.practise(way, name, path, TRAIN, budget, only=own)
        names = load_pool(self.practice(way), policy=name, benchmark=TRAIN).problem_ids
        return [given[problem][1] for problem in names]

    def round(self, way: str, number: int, name: str, path: Path) -> tuple[str, Path]:
        """One turn: plan, draw, keep, train, and sample the test problems; the policy that came of it."""
        made = f"{_NAMES[way]}-r{number}"
        directory = self.output / made
        if any(one.policy == made for one in load_rounds(self.store)) and (directory / TRAINED).is_file():
            self.notify(f"{made}: finished")
            return made, directory
        self.notify(f"{made}: from {name}, keeping {'right samples' if way == 'verified' else 'what the PRM chooses'}")
        self.practise(way, name, path, VALIDATION, self.recipe.n_planned)
        plan = self.plan(way, name)
        strategies = self.draw(way, name, path, plan)
        pool = load_pool(self.practice(way), policy=name, benchmark=TRAIN)
        cells = choose(pool, way, strategies)
        if not cells:
            raise TTCError(f"{made}: '{name}' solved none of {len(pool.problem_ids):,} problems: nothing to train on")
        texts = [
            (one.prompt or "", one.completion.rstrip("\n"))
            for at in range(0, len(cells), 1_000)
            for one in load_texts(pool, cells[at : at + 1_000])
        ]
        with progress(made, 100, "%") as tell:
            trained = finetune(self.recipe.finetuning, path, texts, directory, report=percent(tell))
        self.test(made, directory)
        right = np.array([pool.correct[cell] == 1 for cell in cells])
        taken = self._taken(way, name, trained)
        write_round(
            self.store,
            Round(
                made, name, way, number,
                n_problems=len(pool.problem_ids), n_drawn=int(pool.present.sum()),
                n_kept=len(cells), n_kept_wrong=int((~right).sum()), plan=tuple(plan.lines()), **taken,
            ),
        )  # fmt: skip
        self.notify(f"{made}: {len(cells):,} of {len(pool.problem_ids):,} problems kept, {int((~right).sum()):,} wrong")
        return made, directory

    def longer(self, way: str, number: int, matches: str) -> None:
        """The control: the first policy reads its own exercises again, for as many FLOPs as the rounds took.

        At most `MOST_TIMES_LONGER` times as many as it was trained on: a verifier larger than the policy costs more.
        """
        made = f"{_NAMES[way]}-longer"
        rounds = load_rounds(self.store)
        directory = self.output / made
        if any(one.policy == made for one in rounds):
            self.notify(f"{made}: finished")
            return
        facts = load_pool(self.store, policy=BASE).policy_model
        assert facts is not None and facts.n_parameters and facts.training_tokens
        equal = spent(rounds, matches) / pretrain_flops(facts.n_parameters, 1)
        tokens = min(equal, MOST_TIMES_LONGER * facts.training_tokens)
        recipe = longer_recipe(tokens, self.recipe)
        much = f"{tokens / equal:.0%} of" if tokens < equal else "as many as"
        self.notify(f"{made}: {recipe.n_exercises:,} exercises read again, {much} the FLOPs of '{matches}' in all")

        def train() -> dict[str, float]:
            with progress(made, 100, "%") as tell:
                return train_policy(recipe, directory, start=checkpoint("policy"), report=percent(tell))

        trained = once(directory, train)
        self.test(made, directory)
        write_round(self.store, Round(made, BASE, "longer", number, matches=matches, **_training(trained)))

    def _taken(self, way: str, name: str, trained: dict[str, float]) -> dict[str, Any]:
        """Tokens, FLOPs and seconds of a round, from what the stores hold."""
        pools = [load_pool(self.practice(way), policy=name, benchmark=one) for one in (TRAIN, VALIDATION)]
        decoded = int(sum(np.nansum(pool.completion_tokens) for pool in pools))
        size = pools[0].policy_parameters
        assert size is not None
        taken = {
            "decoded_tokens": decoded,
            "sampling_flops": flops_per_token(size) * decoded,
            "sampling_s": sampling_seconds(self.practice(way), name),
            **_training(trained),
        }
        if way == "verified":
            return taken
        read = int(sum(np.nansum(pool.verifier(PRM).prm_tokens) for pool in pools))
        facts = pools[0].verifier(PRM).model
        assert facts is not None and facts.n_parameters
        scored = {"verifier_tokens": read, "scoring_flops": flops_per_token(facts.n_parameters) * read}
        return taken | scored | {"scoring_s": spend(self.output / f"scored-{name}", 0.0)}


def _training(trained: dict[str, float]) -> dict[str, Any]:
    tokens = int(trained["training_tokens"])
    return {
        "training_tokens": tokens,
        "training_flops": pretrain_flops(trained["parameters"], tokens),
        "training_s": trained["train_s"],
    }


def ship(store: Path, target: Path, *, notify: Notify = print) -> None:
    """Write a flywheel's store as it ships, packed: grades, answers and lengths of the samples, without their texts."""
    ship_without(store, target, _LEFT_OUT, tables=("features",), notify=notify)


_LEFT_OUT = ("completion", "completion_ids", "step_tokens", "step_logprobs", "logprob")


def _write_problems(file: Path, problems: Sequence[Exercise]) -> None:
    rows = [
        {
            "problem_id": f"{file.stem}-{number:05d}",
            "prompt": exercise.prompt,
            "reference_answer": str(exercise.value),
            "n_operations": exercise.n_operations,
        }
        for number, exercise in enumerate(problems)
    ]
    write_whole(file, "".join(json.dumps(row) + "\n" for row in rows))


def _named(path: Path) -> str:
    """A policy as a configuration names it: the one that ships by its name in the lab."""
    return "lab:policy" if path == checkpoint("policy") else str(path)
