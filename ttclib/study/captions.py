"""What a reader must know of a number, in words, said from the data it was made from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ttclib.samples import FEW_UNKNOWN, ModelFacts, Pool, Setting, Verifier
from ttclib.store.settings import differing_keys
from ttclib.study.opening import Member

BENCHMARKS = {"otis_mock_aime": "OTIS Mock AIME", "gpqa_diamond": "GPQA Diamond"}
ASKED_AS = "asked_as"  # of a side: the benchmark that asks the same problems in another way
_DATE = re.compile(r"[-_@](?:\d{4}-\d{2}-\d{2}|20\d{6})$")


def benchmark_label(name: str | None) -> str:
    """A benchmark's name as its makers write it, else its id with blanks.

    Examples
    --------
    >>> benchmark_label("gpqa_diamond"), benchmark_label("execution_cot")
    ('GPQA Diamond', 'execution cot')
    """
    return BENCHMARKS.get(name or "", (name or "").replace("_", " "))


def policy_labels(policies: Sequence[str]) -> list[str]:
    """Policies without their provider and date, as far as that leaves them apart.

    Examples
    --------
    >>> policy_labels(["openai/gpt-5-2025-08-07", "openai/gpt-5-mini-2025-08-07"])
    ['gpt-5', 'gpt-5-mini']
    >>> policy_labels(["a/m-2025-01-01", "a/m-2025-02-01"])
    ['m-2025-01-01', 'm-2025-02-01']
    """
    shorter: list[Callable[[str], str]] = [
        lambda name: _DATE.sub("", name.rpartition("/")[2]),
        lambda name: name.rpartition("/")[2],
    ]
    for short in shorter:
        if len({short(name) for name in policies}) == len(set(policies)):
            return [short(name) for name in policies]
    return list(policies)


def setting_words(setting: Setting, keys: Sequence[str]) -> str:
    """What a setting has of some keys, in words.

    Examples
    --------
    >>> high, none = Setting("a", {"reasoning_effort": "high"}), Setting("b", {})
    >>> setting_words(high, ["reasoning_effort"]), setting_words(none, ["reasoning_tokens"])
    ('high effort', 'no thinking')
    >>> setting_words(Setting("c", {"reasoning_tokens": 16000, "top_p": 0.9}), ["reasoning_tokens", "top_p"])
    '16k thinking, top p 0.9'
    """
    return ", ".join(_words(setting, key) for key in keys)


def _words(setting: Setting, key: str) -> str:
    value = setting.keys.get(key)
    if key == ASKED_AS:
        return benchmark_label(value)
    if key == "reasoning_effort":
        return "default effort" if value is None else f"{value} effort"
    if key == "reasoning_tokens":
        if not value:
            return "no thinking"
        thousands = isinstance(value, int) and value % 1000 == 0
        return f"{value // 1000}k thinking" if thousands else f"{value} tokens of thinking"
    return setting.label((key,)).replace("_", " ").replace("=", " ")


def side_labels(members: Sequence[Member]) -> list[str]:
    """What tells members apart: their policies, their settings, or both."""
    policies = [member.pool.policy for member in members]
    keys = differing_keys(member.pool.setting for member in members)
    short = policy_labels(policies)
    several, alike = len(set(policies)) > 1, len(set(policies)) == len(policies)
    labels = []
    for member, policy in zip(members, short, strict=True):
        words = setting_words(member.pool.setting, keys) if keys and not (several and alike) else ""
        labels.append(f"{policy} ({words})" if several and words else words or policy)
    return labels


def common_title(members: Sequence[Member]) -> str:
    """What all members have in common: the model, the benchmark."""
    policies = dict.fromkeys(member.pool.policy for member in members)
    whose = policy_labels(list(policies))[0] if len(policies) == 1 else ""
    where = benchmark_label(members[0].pool.benchmark)
    return " on ".join(part for part in (whose, where) if part)


BANDS = "bands:"  # how the line begins that says what they are; a chart without any leaves it out
AGGREGATION_LABELS = {
    "last": "last step's score",
    "min": "lowest step score",
    "prod": "product of step scores",
    "mean": "mean step score",
}


def samples_line(sizes: Iterable[int]) -> str:
    """How many samples a problem has: all alike, or the fewest and the most.

    Examples
    --------
    >>> samples_line([1]), samples_line([20, 20]), samples_line([8, 1024])
    ('1 sample', '20 samples', '8–1,024 samples')
    """
    every = list(sizes)
    low, high = min(every), max(every)
    each = f"{low:,}" if low == high else f"{low:,}–{high:,}"
    return f"{each} {'sample' if each == '1' else 'samples'}"


def source(pool: Pool, n_problems: int | None = None) -> str:
    """Where samples come from: store, policy, benchmark, problems × samples, temperature."""
    parts = [Path(pool.store).name, f"policy {pool.policy}"]
    if pool.benchmark:
        parts.append(pool.benchmark)
    count = len(pool.problem_ids)
    shown = f"{count}" if n_problems in (None, count) else f"{n_problems} of {count}"
    what = "problem" if shown == "1" else "problems"
    parts.append(f"{shown} {what} × {samples_line(pool.pool_sizes)}")
    parts.append(setting_line(pool))
    return " · ".join(parts)


def setting_line(pool: Pool) -> str:
    """The keys of a setting that move results most."""
    keys = pool.setting.keys
    said = []
    temperature = keys.get("temperature")
    said.append("temperature not recorded" if temperature is None else f"temperature {temperature:g}")
    said += [
        f"{name.replace('_', ' ')} {keys[name]}" for name in ("reasoning_effort", "reasoning_tokens") if name in keys
    ]
    return ", ".join(said)


def selection_line(verifier: Verifier | None, aggregation: str) -> str:
    """Who selects, and by which score."""
    if verifier is None:
        return "no verifier's scores"
    if verifier.kind == "prm":
        return f"scored by {verifier.label}, {AGGREGATION_LABELS.get(aggregation, aggregation)}"
    return f"scored by {verifier.label}"


def lengths_line(pool: Pool, whose: str) -> str:
    """Of how many samples nobody knows how long they are, and what follows; empty: of none, or of all."""
    unknown, count = pool.n_unknown_lengths, int(pool.present.sum())
    if unknown in (0, count):
        return ""
    said = f"{unknown:,} of {count:,} samples of {whose} have no token count: "
    if unknown <= FEW_UNKNOWN * count:
        return said + "in what they cost they count as the mean of their problem's others"
    return said + "too many for the others to stand for them, so that what their problems cost is unknown"


def prices_line(models: Iterable[ModelFacts | None]) -> str:
    """The prices that are charged, each with its date, and whether the store states it; empty: none is known."""
    known = {one.model: one.price_line for one in models if one is not None and one.price_line}
    labels = policy_labels(list(known))
    return "prices: " + "; ".join(map(" ".join, zip(labels, known.values(), strict=True))) if known else ""


def bins_line(sizes: Sequence[int], label: str) -> str:
    """Into which bins problems were cut, and by what.

    Examples
    --------
    >>> bins_line([50, 50, 50], "oracle difficulty"), bins_line([7, 6], "x"), bins_line([250], "x")
    ('3 bins of 50 problems by oracle difficulty', 'bins of 7, 6 problems by x', 'one bin of 250 problems')
    """
    if len(sizes) == 1:
        return f"one bin of {sizes[0]} problems"
    if len(set(sizes)) == 1:
        return f"{len(sizes)} bins of {sizes[0]} problems by {label}"
    return f"bins of {', '.join(map(str, sizes))} problems by {label}"


def bands_line(level: float = 0.95, interval: str = "pointwise") -> str:
    """What the bands are.

    Examples
    --------
    >>> bands_line(), bands_line(0.9, "simultaneous")
    ('bands: 95 % intervals over problems', 'bands: 90 % intervals over problems, of a whole curve at once')
    """
    at_once = ", of a whole curve at once" if interval == "simultaneous" else ""
    return f"{BANDS} {level * 100:g} % intervals over problems{at_once}"
