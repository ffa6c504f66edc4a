"""One number a token, as half floats: two bytes each, three digits, which is what log-probabilities are worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_LARGEST = float(np.finfo(np.float16).max)


def pack_halves(values: Sequence[float] | np.ndarray | None) -> bytes | None:
    """Numbers as the store keeps them, little-endian half floats; None stays None.

    Examples
    --------
    >>> unpack_halves(pack_halves([-0.5, -1e9])).tolist()
    [-0.5, -65504.0]
    """
    if values is None:
        return None
    return np.clip(np.asarray(values, dtype=np.float64), -_LARGEST, _LARGEST).astype("<f2").tobytes()


def unpack_halves(content: bytes | None) -> np.ndarray | None:
    """Numbers from the store, shape (tokens,), float32; None: not known."""
    return None if content is None else np.frombuffer(content, dtype="<f2").astype(np.float32)
