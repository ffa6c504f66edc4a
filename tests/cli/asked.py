"""A request of every command that asks a store, and for each of its flags a value that changes what is answered."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import click

from ttclib.cli.options import BILL, BINS, COST, WHOSE, strategy_options
from ttclib.cli.reference import every_command

COMMANDS: dict[str, click.Command] = {
    " ".join(names): one for names, one in every_command() if not isinstance(one, click.Group)
}
RICH = "rich.duckdb --policy small --setting temperature=0.8"
VOTES = "--strategy majority_vote,best_of_n"
QUICK = "--resamples 20"

# Plans that some of them read, by what writes them.
PLANS = {
    "plan.json": f"frontier {RICH} {VOTES} --bins 2 --difficulty predicted --budgets 1,2,4 --at-most 2,4",
    "stopping.json": f"frontier {RICH} --strategy adaptive_consistency --bins 2 --difficulty predicted --told same "
    "--at-most 8 --threshold 0.9 --probes 1",
}
# What each command is asked; every one prints JSON.
ASKED = {
    "replay": f"{RICH} {VOTES} --budgets 1,4",
    "difficulty": f"{RICH} --bins 2 --probes 1,2",
    "verifiers": RICH,
    "frontier": f"{RICH} {VOTES} --bins 2 --budgets 1,2,4 --at-most 2,4 {QUICK}",
    "plan show": "plan.json",
    "plan apply": f"plan.json {RICH} {VOTES} --draws 3",
    "plan forecast": f"plan.json {RICH} --draws 2 --problems 30",
    "efficiency": f"{RICH} {VOTES} --bins 2 --budgets 1,2,4 {QUICK}",
    "adaptivity": f"{RICH} --strategy best_of_n --bins 2 --probes 2 --at-most 2,4 --draws 2 {QUICK}",
    "crossover": f"s.duckdb --small small --large large {VOTES} --bins 2 --ratios 1 {QUICK}",
    "inside": "efforts.duckdb --setting reasoning_effort=*",
    "train-or-sample": f"checkpoints.duckdb --queries 100,1e4 --target 0.8 {QUICK}",
    "compare": f"{RICH} --other-policy large --strategy best_of_n --budgets 1,4",
    "coverage": f"{RICH} --models power_law --largest-k 64 {QUICK}",
    "gain": "efforts.duckdb --setting reasoning_effort=*",
    "flywheel": "wheel.duckdb",
    "lengths": RICH,
    "models": "rich.duckdb",
    "lint": "rich.duckdb",
    "status": "rich.duckdb",
    "verify": "rich.duckdb",
}


@dataclass(frozen=True)
class Tried:
    """A flag that is tried: words with it, and what is said in their place without it."""

    words: str
    plain: str = ""
    before: str = ""  # more words, both times
    on: str = ""  # instead of what the command is asked
    refused: bool = False  # the command cannot be answered without it
    refuses: bool = False  # the command cannot be answered with it

    @property
    def flag(self) -> str:
        """The flag itself."""
        return self.words.split()[0]

    def pair(self, command: str, asked: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The command without the flag and with it, where nothing else is said of what is `asked`."""
        both = (*command.split(), *shlex.split(f"{self.on or asked} {self.before}"))
        return (*both, *shlex.split(self.plain)), (*both, *shlex.split(self.words))


def of_chains(words: str, before: str = "") -> Tried:
    """A flag of revisions."""
    on = "chains.duckdb --policy policy --strategy majority_vote,revisions --reviser reviser --budgets 4"
    return Tried(words, before=before, on=on)


def of_strategy(strategy: str, words: str) -> Tried:
    """A flag of one strategy."""
    return Tried(words, before=f"--strategy {strategy}")


SETTING = Tried(
    "--setting temperature=0.3", "--setting temperature=0.8", on=f"rich.duckdb --policy small {VOTES} --budgets 1,4"
)
SEED, BUDGETS, BINNED, TOKENS = (
    Tried(words) for words in ("--seed 1", "--budgets 1,2", "--bins 3", "--charge unit=tokens")
)
BENCHMARK = Tried("--benchmark b", "--benchmark a", on="two.duckdb --policy m --strategy majority_vote")
MORE = Tried("--resamples 40")
PROBED, SHARED_BY, REUSED = (
    Tried(words, before="--charge difficulty=true") for words in ("--probes 2", "--queries 4", "--reuse-probes")
)
POOL = Tried("--setting temperature=0.3", "--setting temperature=0.8", on="rich.duckdb --policy small")
SIDES = f"{RICH} --strategy best_of_n --budgets 1,4"
CROSSED = f"rich.duckdb --small small --large large {VOTES} --ratios 1 --bins 2 --allow-sampled {QUICK}"
STOPPING = f"stopping.json {RICH} --draws 2 --problems 30"

TRIED: dict[str, tuple[Tried, ...]] = {
    # Of the flags that commands share, replay and efficiency are tried with all.
    "replay": (
        Tried("--policy large", "--policy small", on=f"rich.duckdb --setting temperature=0.8 {VOTES}"),
        BENCHMARK,
        SETTING,
        Tried("--strategy pass_at_k"),
        BUDGETS,
        Tried("--verifier tiny-orm"),
        Tried("--aggregation min"),
        of_strategy("weighted_best_of_n", "--subsets 5"),
        of_strategy("weighted_best_of_n", "--transform softmax"),
        of_strategy("adaptive_consistency", "--threshold 0.6"),
        of_strategy("adaptive_consistency", "--prior dirichlet"),
        of_strategy("early_stopping_consistency", "--window 2"),
        of_strategy("first_above", "--score-threshold 0.5"),
        of_strategy("weighted_stop", "--lead 1"),
        of_strategy("beam_search", "--selection majority_vote"),
        of_strategy("beam_search", "--replicates 2"),
        of_strategy("beam_search", "--max-rounds 1"),
        of_strategy("beam_search", "--beam-width 2"),
        of_strategy("lookahead_search", "--lookahead-steps 2"),
        of_strategy("rebase", "--rebase-temperature 5"),
        of_chains("--ratio parallel"),
        of_chains("--reviser other"),
        Tried("--length-cap 40"),
        of_chains("--problems own"),
        Tried("--bins 2"),
        Tried("--thresholds 0.5"),
        Tried("--difficulty predicted", before="--bins 2"),
        Tried("--told same", before="--bins 2"),
        SEED,
        Tried("--interval simultaneous"),
    ),
    "efficiency": (
        SETTING, BUDGETS, BINNED, Tried("--preset all-in"), TOKENS, PROBED, SHARED_BY, REUSED, MORE, SEED,
        Tried("--baseline majority_vote"),
        Tried("--cheap 1,2"),
    ),
    "difficulty": (
        POOL, BINNED, SEED, Tried("--verifier tiny-orm"), Tried("--aggregation min"), Tried("--probes 1,4"),
    ),
    "verifiers": (
        POOL, BINNED, SEED, Tried("--verifier tiny-orm"), Tried("--aggregation min"),
    ),
    "frontier": (
        SETTING, BUDGETS, BINNED, TOKENS, PROBED, MORE, SEED,
        Tried("--at-most 1"), Tried("--per average"), Tried("--allocation"),
    ),
    "plan apply": (
        Tried("--setting temperature=0.3", "--setting temperature=0.8", on="plan.json rich.duckdb --policy small"),
        Tried("--length-cap 40"),
        Tried("--probes 2"), Tried("--queries 4"), Tried("--reuse-probes"), Tried("--draws 4"), SEED,
    ),
    "plan forecast": (
        Tried("--setting temperature=0.3", "--setting temperature=0.8",
              on="plan.json rich.duckdb --policy small --draws 2"),
        Tried("--problems 20"), Tried("--at-most 2"), Tried("--draws 4"), SEED,
        Tried("--window 1", on=STOPPING),
    ),
    "adaptivity": (SETTING, BUDGETS, BINNED, TOKENS, MORE, SEED,
                   Tried("--at-most 2"), Tried("--probes 1"), Tried("--draws 3")),
    "crossover": (
        Tried("--small large", "--small small",
              on=f"s.duckdb --large large --strategy majority_vote --ratios 1 --bins 2 {QUICK}"),
        Tried("--large small", before="--allow-sampled"),
        Tried("--small-store again.duckdb"), Tried("--large-store again.duckdb"),
        Tried("--benchmark b", "--benchmark a",
              on=f"two.duckdb --small m --large n --allow-sampled --strategy majority_vote --ratios 1 {QUICK}"),
        Tried("--setting temperature=0.3", "--setting temperature=0.8", on=CROSSED),
        Tried("--ratios 2"), Tried("--param-ratio 20"), Tried("--training-tokens-ratio 3"),
        Tried("--large-strategy majority_vote", on=CROSSED, before="--setting temperature=0.8"),
        Tried("--large-budget 2", on=CROSSED, before="--setting temperature=0.8 --large-strategy majority_vote"),
        Tried("--beyond"),
        Tried("--allow-sampled", on=f"q.duckdb --small drawn --large drawn --param-ratio 2 {QUICK}", refused=True),
        BUDGETS, Tried("--bins 1"), TOKENS, PROBED, SHARED_BY, REUSED, MORE, SEED,
    ),
    "inside": (
        Tried("--setting reasoning_effort=*", on="efforts.duckdb", refused=True),
        Tried("--training", on="family.duckdb --policy direct,steps"),
        Tried("--few-shot direct-shown", on="family.duckdb --policy direct,steps --training"),
        Tried("--strategy majority_vote"), SEED,
    ),
    "train-or-sample": (
        Tried("--benchmark b", "--benchmark a", on=f"two.duckdb --queries 1e3,1e6 {QUICK}"),
        Tried("--target 0.5"), Tried("--answer-tokens 50"), Tried("--queries 1e5"), MORE, SEED,
    ),
    "compare": (
        Tried("--other-store again.duckdb", on="s.duckdb --policy small --other-verifier logprob --strategy best_of_n"),
        Tried("--other-policy large", on=SIDES, before="--other-verifier logprob"),
        Tried("--other-setting temperature=0.3", on=SIDES, before="--other-verifier logprob"),
        Tried("--other-verifier logprob", on=SIDES, before="--other-setting temperature=0.3"),
        Tried("--once", on=f"rich.duckdb --policy small,large --setting temperature=0.8 {VOTES}"),
        BUDGETS, SEED, BENCHMARK, Tried("--bins 3", on=f"{RICH} {VOTES}"),
        Tried("--charge unit=tokens", on=f"{RICH} {VOTES}"),
        Tried("--charge unit=tokens", on=f"rich.duckdb --policy small,large --setting temperature=0.8 {VOTES} --once"),
    ),
    "coverage": (
        POOL, Tried("--models beta_binomial"), Tried("--largest-k 128"), MORE,
        Tried("--held-out", on="checkpoints.duckdb", refused=True),
        Tried("--misses", on=f"{RICH} --models power_law"),
    ),
    "gain": (
        Tried("--setting reasoning_effort=*", on="efforts.duckdb", refused=True), Tried("--samples 4"), SEED
    ),
    "flywheel": (Tried("--bins 3"), Tried("--queries 100"), Tried("--samples 4"), SEED),
    "lengths": (POOL, Tried("--caps 30,50"),),
}  # fmt: skip


def _names(*groups: object) -> frozenset[str]:
    """The parameters that groups of flags give a command."""

    def command(**choices: object) -> None:
        """Nothing."""

    for group in groups:
        for option in group:  # type: ignore[attr-defined]
            option(command)
    return frozenset(one.name or "" for one in command.__click_params__)  # type: ignore[attr-defined]


# Of a group of flags that is passed on whole, one is enough, but of the command that is tried with all.
GROUPS = [
    (home, _names(group))
    for home, group in (
        ("replay", WHOSE), ("replay", strategy_options()), ("replay", BINS), ("efficiency", COST), ("efficiency", BILL)
    )
]  # fmt: skip
# How an answer is printed, and where its samples are: every command is tried with these.
EVERYWHERE = {"json", "csv", "store", "store_argument"}


def untried(command: str, tried: Sequence[str]) -> list[str]:
    """The flags of a command that nothing tries."""
    params = {one.name: one for one in COMMANDS[command].params if isinstance(one, click.Option) and not one.hidden}
    names = {name for name, one in params.items() if set(one.opts) & set(tried)}
    for home, group in GROUPS:
        if home != command and names & group and group <= set(params):
            names |= group
    return [one.opts[-1] for name, one in params.items() if name not in names | EVERYWHERE]
