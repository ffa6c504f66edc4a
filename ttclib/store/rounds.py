"""What each turn of a flywheel made and cost: rows of the table ``runs``, read back as they were written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ttclib.errors import RequestError
from ttclib.store.connection import connect
from ttclib.store.parts import write_part
from ttclib.store.schema import is_collected

COMMAND = "flywheel"
_ORDER = ("verified", "verifier", "longer")


@dataclass(frozen=True)
class Round:
    """One policy that was made from another, and what that took.

    Attributes
    ----------
    policy, start : str
        The one that was made, and the one that it was trained on from.
    way : {"verified", "verifier", "longer"}
        What was kept: samples that the reference proves right, or those that the verifier chose; ``longer``: none, the
        first policy read its own exercises again, for as much as `matches` cost.
    number : int
        Of the round, from 1.
    matches : str or None
        Of ``longer`` the policy whose whole cost it was given.
    n_problems, n_drawn : int
        Problems practised, and samples of them.
    n_kept, n_kept_wrong : int
        Samples that were trained on, and of these the wrong ones, whether or not anyone knew then.
    decoded_tokens, verifier_tokens, training_tokens : int
        Written by `start`, on the problems practised and those that the plan is made on; read by the verifier; read in
        training.
    sampling_flops, scoring_flops, training_flops : float
        2·N a token written or read by the verifier, 6·N a token of training.
    sampling_s, scoring_s, training_s : float
    plan : tuple of str
        What was drawn for which bin, in words.
    """

    policy: str
    start: str
    way: str
    number: int
    matches: str | None = None
    n_problems: int = 0
    n_drawn: int = 0
    n_kept: int = 0
    n_kept_wrong: int = 0
    decoded_tokens: int = 0
    verifier_tokens: int = 0
    training_tokens: int = 0
    sampling_flops: float = 0.0
    scoring_flops: float = 0.0
    training_flops: float = 0.0
    sampling_s: float = 0.0
    scoring_s: float = 0.0
    training_s: float = 0.0
    plan: tuple[str, ...] = ()

    @property
    def flops(self) -> float:
        """Of the round in all."""
        return self.sampling_flops + self.scoring_flops + self.training_flops

    @property
    def seconds(self) -> float:
        """Of the round in all."""
        return self.sampling_s + self.scoring_s + self.training_s


def write_round(store: Path, made: Round) -> None:
    """Put a round into a store; one of the same policy that is there stays."""
    row = {
        "run_id": f"{COMMAND}-{made.policy}",
        "command": COMMAND,
        "started_at": datetime.now(UTC).replace(tzinfo=None),
        "config": json.dumps(asdict(made)),
    }
    write_part(store, "runs", [row])


def load_rounds(store: str | Path, *, notify: Callable[[str], None] = lambda text: None) -> list[Round]:
    """Every round of a store, way by way, in their order.

    Raises
    ------
    RequestError
        No such store, or a round that is not as it was written.
    """
    if not is_collected(Path(store)):
        return []
    with connect(store, notify=notify) as con:
        found = con.execute(f"SELECT run_id, config FROM runs WHERE command = '{COMMAND}'").fetchall()
    return sorted(
        (_round(store, *row) for row in found), key=lambda one: (_ORDER.index(one.way), one.number, one.policy)
    )


def spent(rounds: Sequence[Round], policy: str) -> float:
    """FLOPs of all that led from the first policy to one: its own round and those before it.

    Examples
    --------
    >>> first = Round("a-r1", "a", "verified", 1, sampling_flops=3.0, training_flops=2.0)
    >>> spent([first, Round("a-r2", "a-r1", "verified", 2, training_flops=1.0)], "a-r2")
    6.0
    """
    by_policy = {one.policy: one for one in rounds}
    total, seen = 0.0, set()
    while policy in by_policy and policy not in seen:
        seen.add(policy)
        total, policy = total + by_policy[policy].flops, by_policy[policy].start
    return total


def sampling_seconds(store: str | Path, policy: str) -> float:
    """What the samples of a policy took to draw, over all sessions."""
    with connect(store) as con:
        found = con.execute("SELECT coalesce(sum(elapsed_s), 0) FROM samples WHERE policy = ?", [policy]).fetchall()
    return float(found[0][0])


def _round(store: str | Path, run_id: str, text: str | None) -> Round:
    try:
        stated = json.loads(text or "")
        types = {one.name: one.type for one in fields(Round)}
        values: dict[str, Any] = {name: _CASTS[types[name]](value) for name, value in stated.items()}
        _ORDER.index(values["way"])
        return Round(**values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RequestError(
            f"run '{run_id}' in '{store}' is no round of a flywheel as `ttc lab flywheel` writes it: {error!r:.80}"
        ) from error


_CASTS: dict[object, Callable[[object], object]] = {
    "str": str,
    "str | None": lambda value: None if value is None else str(value),
    "int": lambda value: int(value),  # type: ignore[call-overload]
    "float": lambda value: float(value),  # type: ignore[arg-type]
    "tuple[str, ...]": lambda value: tuple(map(str, value)),  # type: ignore[call-overload]
}
