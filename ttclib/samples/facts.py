"""What is known of a model and how it was sampled, and of a pool's questions before they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ttclib.setting_keys import value_at


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
        When that was the price, ``YYYY-MM-DD`` or ``YYYY-MM``.
    shipped : tuple of str
        Which of these the store does not know: they are from the table that ships.
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
    shipped: tuple[str, ...] = ()

    @property
    def price_line(self) -> str:
        """The price with its date and where it is from; empty: it is not known.

        Examples
        --------
        >>> ModelFacts("m", usd_per_mtok_input=1.25, usd_per_mtok_output=10, price_date="2026-03").price_line
        'US$ 1.25 / 10 a million tokens in / out (2026-03)'
        """
        return f"US$ {self.price[0]} a million tokens in / out ({self.price[1]})" if self.price else ""

    @property
    def price(self) -> tuple[str, str] | None:
        """US$ for a million tokens in and out, and of when and whom that is; None: it is not known."""
        prices = (self.usd_per_mtok_input, self.usd_per_mtok_output)
        if prices == (None, None):
            return None
        shown = " / ".join("?" if price is None else f"{price:g}" for price in prices)
        source = ", the list price that ships" if "usd_per_mtok_output" in self.shipped else ""
        return shown, f"{self.price_date or 'no date'}{source}"


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
class Questions:
    """The questions of a pool, and what the policy tells of them before it is sampled."""

    problem_ids: list[str]
    prompts: list[str | None]  # the question as it stands in the benchmark; None: not known
    metadata: list[Mapping[str, Any]]  # what else the benchmark says of each (level, subject, …)
    # float, shape (problems, width); the policy's hidden state at the prompt's last token; NaN: not known. Width 0: of
    # no problem.
    hidden: np.ndarray
    # float, shape (problems,); mean log-probability of the tokens of one greedy answer; NaN: not known
    greedy_logprob: np.ndarray
