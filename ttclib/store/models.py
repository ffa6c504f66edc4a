"""The facts about a model that a cost in FLOPs or memory traffic needs."""

from __future__ import annotations

from dataclasses import dataclass, fields

import duckdb


@dataclass(frozen=True)
class ModelFacts:
    """A row of the table `models`; None: unknown, never a guess.

    Attributes
    ----------
    model : str
        Its name in the store.
    n_parameters : int or None
        All parameters, tied ones once.
    n_embedding : int or None
        Of these, in the input and output embeddings.
    n_layers, n_heads, n_kv_heads, head_dim, hidden_size : int or None
    training_tokens : int or None
        Tokens of pretraining.
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


def read_model(con: duckdb.DuckDBPyConnection, model: str | None) -> ModelFacts | None:
    """What the store knows about a model; None: it has no row of it."""
    columns = ", ".join(column.name for column in fields(ModelFacts))
    rows = con.execute(f"SELECT {columns} FROM models WHERE model = ?", [model]).fetchall()
    return ModelFacts(*rows[0]) if rows else None
