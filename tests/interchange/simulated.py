"""Clean samples of simulated policies, and the faults that a linter should see in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

_LATEX = ("\\frac{%d}{%d}", "\\sqrt{%d}+%d", "(%d,\\infty)%d", "x^%d-%d")


@dataclass
class Samples:
    """One policy's samples: ``frame`` as rows of the interchange format, ``rng`` that drew them."""

    frame: pl.DataFrame
    rng: np.random.Generator


def clean(
    seed: int,
    *,
    n_problems: int = 50,
    n_samples: int = 8,
    pass_at_1: float = 0.5,
    kind: str = "whole",
    wrong: str = "modes",
    texts: str | None = None,
    spread: float = 2.0,
    references: bool = True,
    graded: bool = True,
    tokens: bool = True,
) -> Samples:
    """Independent samples under their own problems.

    Parameters
    ----------
    seed : int
    n_problems, n_samples : int
    pass_at_1 : float
        Mean over problems, whose own accuracies are Beta(m s, (1 − m) s) for s = `spread`; 0: all the same.
    kind : {"whole", "small", "large", "latex", "letters"}
        Of answers.
    wrong : {"modes", "uniform", "near"}
        Wrong answers fall on a few of the problem's own, anywhere, or near the right one.
    texts : {None, "short", "reasoned"}
    references, graded, tokens : bool
        Whether they are known.
    """
    rng = np.random.default_rng(seed)
    top = {"whole": 1000, "small": 100, "large": 100_000, "letters": 4, "latex": 40_000}[kind]
    right = rng.integers(1 if kind != "letters" else 0, top, n_problems)
    rate = (
        np.full(n_problems, pass_at_1)
        if spread == 0
        else rng.beta(pass_at_1 * spread, (1 - pass_at_1) * spread, n_problems)
    )
    rows = []
    for problem in range(n_problems):
        modes = rng.integers(0, top, 4)
        operands = rng.integers(10, 1000, 5)
        things = [_word(problem + step) for step in (0, 1000, 2000)]
        prompt = (
            f"A {things[0]} has {operands[0]} of {things[1]} and {operands[1]} more, then {operands[2]} are "
            f"{things[2]} away by {operands[3]} of {operands[4]}. How many?"
        )
        for index in range(n_samples):
            correct = bool(rng.random() < rate[problem])
            value = int(right[problem])
            while not correct and value == right[problem]:
                if wrong == "modes" and rng.random() < 0.6:
                    value = int(modes[rng.choice(4, p=[0.5, 0.25, 0.15, 0.1])])
                    if value == right[problem]:
                        value = int(rng.integers(0, top))
                elif wrong == "near":
                    value = max(0, int(right[problem] + rng.integers(-9, 10)))
                else:
                    value = int(rng.integers(0, top))
            answer = _shown(value, kind)
            row = {
                "policy": "m", "problem_id": f"p{problem:04d}", "sample_index": index, "answer": answer,
                "reference_answer": _shown(int(right[problem]), kind) if references else None,
                "correct": correct if graded else None,
                "completion_tokens": int(rng.integers(50, 900)) if tokens else None,
            }  # fmt: skip
            if texts is not None:
                row["prompt"] = prompt
                row["completion"] = _text(rng, prompt, operands, answer, texts)
            rows.append(row)
    return Samples(pl.DataFrame(rows, infer_schema_length=None), rng)


def _word(number: int) -> str:
    letters = "bcdfghklmnprst"
    vowels = "aeiou"
    return (
        "".join(
            letters[(number * 7 + 3 * at) // (at + 1) % 14] + vowels[(number // (at + 1) + at) % 5] for at in range(4)
        )
        + letters[number % 14]
    )


def _shown(value: int, kind: str) -> str:
    if kind == "letters":
        return "ABCD"[value]
    if kind == "latex":
        return _LATEX[value % 4] % (value // 4 + 2, value % 17 + 2)
    return str(value)


def _text(rng: np.random.Generator, prompt: str, operands: np.ndarray, answer: str, texts: str) -> str:
    if texts == "short":
        return f"The answer is {answer}"
    order = rng.permutation(5)
    steps = [
        f"First I take {operands[at]} and {rng.integers(2, 99)}, which is {rng.integers(10, 9999)}." for at in order
    ]
    return f"We are told: {prompt} " + " ".join(steps) + f" The answer is {answer}"


CARRIED = ("answer", "correct", "completion_tokens", "completion")


def _move(samples: Samples, source: np.ndarray, *, regrade: bool) -> pl.DataFrame:
    """What was drawn, put at other rows; graded there or before."""
    frame = samples.frame
    carried = [name for name in CARRIED if name in frame.columns]
    moved = frame.select(carried)[source]
    frame = frame.with_columns(moved[name] for name in carried)
    if regrade and frame["correct"].count():
        frame = frame.with_columns((pl.col("answer") == pl.col("reference_answer")).alias("correct"))
    return frame


def _shape(frame: pl.DataFrame) -> tuple[int, int]:
    n_problems = frame["problem_id"].n_unique()
    return n_problems, len(frame) // n_problems


def shuffle_all(samples: Samples, *, regrade: bool = True) -> pl.DataFrame:
    """Every sample under a problem of chance."""
    return _move(samples, samples.rng.permutation(len(samples.frame)), regrade=regrade)


def shuffle_part(samples: Samples, share: float = 0.6, *, regrade: bool = True) -> pl.DataFrame:
    """A part of the samples, changed among themselves."""
    chosen = np.flatnonzero(samples.rng.random(len(samples.frame)) < share)
    source = np.arange(len(samples.frame))
    source[chosen] = samples.rng.permutation(chosen)
    return _move(samples, source, regrade=regrade)


def shuffle_blocks(samples: Samples, block: int = 25, *, regrade: bool = True) -> pl.DataFrame:
    """As a published dump: sample s at place i of a block is of the problem (K i + s) mod block."""
    n_problems, n_samples = _shape(samples.frame)
    source = np.arange(len(samples.frame)).reshape(n_problems, n_samples)
    moved = source.copy()
    for begin in range(0, n_problems - n_problems % block, block):
        for place in range(block):
            for index in range(n_samples):
                true = (n_samples * place + index) % block
                moved[begin + place, index] = source[begin + true, index]
    return _move(samples, moved.ravel(), regrade=regrade)


def swap_problems(samples: Samples, *, regrade: bool = True) -> pl.DataFrame:
    """All samples of a problem under another."""
    n_problems, n_samples = _shape(samples.frame)
    grid = np.arange(len(samples.frame)).reshape(n_problems, n_samples)
    return _move(samples, np.roll(grid, 1, axis=0).ravel(), regrade=regrade)


def shift_by_index(samples: Samples, *, regrade: bool = True) -> pl.DataFrame:
    """Sample s stands s problems further on."""
    n_problems, n_samples = _shape(samples.frame)
    grid = np.arange(len(samples.frame)).reshape(n_problems, n_samples)
    moved = np.stack([np.roll(grid[:, index], index) for index in range(n_samples)], axis=1)
    return _move(samples, moved.ravel(), regrade=regrade)


def copy_one(samples: Samples) -> pl.DataFrame:
    """The first sample of a problem for all."""
    n_problems, n_samples = _shape(samples.frame)
    return _move(samples, np.repeat(np.arange(n_problems) * n_samples, n_samples), regrade=False)


def replay_half(samples: Samples) -> pl.DataFrame:
    """The second half of the samples are the first anew."""
    n_problems, n_samples = _shape(samples.frame)
    index = np.arange(n_samples) % max(1, n_samples // 2)
    return _move(samples, (np.arange(n_problems)[:, None] * n_samples + index).ravel(), regrade=False)


def replay_some(samples: Samples, share: float = 0.4) -> pl.DataFrame:
    """A part of the samples are an earlier one of their problem."""
    n_problems, n_samples = _shape(samples.frame)
    source = np.arange(len(samples.frame)).reshape(n_problems, n_samples)
    for row in source:
        for at in range(1, n_samples):
            if samples.rng.random() < share:
                row[at] = row[samples.rng.integers(0, at)]
    return _move(samples, source.ravel(), regrade=False)


def flip_grades(samples: Samples, share: float = 0.15) -> pl.DataFrame:
    """A part of the grades turned."""
    turned = pl.Series(samples.rng.random(len(samples.frame)) < share)
    return samples.frame.with_columns(pl.when(turned).then(~pl.col("correct")).otherwise("correct").alias("correct"))


def shuffle_letters(samples: Samples) -> pl.DataFrame:
    """The options in another order for each sample: the grade is right, the letter means something else."""
    orders = np.array([samples.rng.permutation(4) for _ in range(len(samples.frame))])
    letters = ["ABCD"["ABCD".index(answer) * 0 + order["ABCD".index(answer)]]
               for answer, order in zip(samples.frame["answer"], orders, strict=True)]  # fmt: skip
    return samples.frame.with_columns(pl.Series("answer", letters))


def stop_at_first(samples: Samples) -> pl.DataFrame:
    """No more samples after the first right one."""
    before = pl.col("correct").cast(pl.Int32).cum_sum().shift(1).fill_null(0).over("problem_id")
    return samples.frame.filter(before == 0)


def draw_where_easy(samples: Samples) -> pl.DataFrame:
    """Fewer samples of problems with few right ones."""
    rate = pl.col("correct").mean().over("problem_id")
    most = pl.len().over("problem_id")
    return samples.frame.filter(
        pl.col("sample_index") < 2 + (most - 2) * (rate.rank("dense") / rate.rank("dense").max())
    )


def lose_tokens(samples: Samples, share: float = 0.1) -> pl.DataFrame:
    """A part of the token counts unknown."""
    lost = pl.Series(samples.rng.random(len(samples.frame)) < share)
    return samples.frame.with_columns(
        pl.when(lost).then(None).otherwise("completion_tokens").alias("completion_tokens")
    )


def say_otherwise(samples: Samples) -> pl.DataFrame:
    """Answers in a form that no extractor knows."""
    said = pl.concat_str(pl.lit("We think a while. I would bet on "), "answer")
    return samples.frame.with_columns(
        said.alias("completion"),
        pl.lit(None, dtype=pl.String).alias("answer"),
        pl.lit(None, dtype=pl.Boolean).alias("correct"),
    )
