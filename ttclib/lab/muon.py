"""Muon in single precision: the optimizer of the hidden layers.

A step moves a matrix by its momentum with all singular values set to about one. It learns the lab's
task in a fraction of the tokens that AdamW needs (LOG.md). `torch.optim.Muon` orthogonalises in
bfloat16, which a CPU without such arithmetic emulates, and one matrix at a time; here matrices of one
shape go together.

References
----------
Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks" (the iteration and its
coefficients); Liu et al. 2025, arXiv:2502.16982 (the size of a step that suits AdamW's).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter
        Matrices.
    lr : float
        A step's root mean square is a fifth of it, as AdamW's is of its own.
    momentum, weight_decay : float
    """

    def __init__(
        self, params: Iterable[torch.nn.Parameter], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move every matrix that has a gradient."""
        for group in self.param_groups:
            moves: dict[torch.Size, list[tuple[torch.nn.Parameter, torch.Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                if (gradient := parameter.grad) is not None:
                    average = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                    average.lerp_(gradient, 1 - group["momentum"])
                    moves[parameter.shape].append((parameter, gradient.lerp(average, group["momentum"])))  # Nesterov
            for shape, pairs in moves.items():
                size = group["lr"] * 0.2 * max(shape) ** 0.5
                steps = orthogonalise(torch.stack([move for _, move in pairs]))
                for (parameter, _), move in zip(pairs, steps, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(move, alpha=size)


def orthogonalise(matrices: torch.Tensor) -> torch.Tensor:
    """Matrices of the same singular vectors whose singular values lie near one.

    Parameters
    ----------
    matrices : torch.Tensor, shape (matrices, rows, columns)

    Returns
    -------
    torch.Tensor
        Singular values between about .7 and 1.2, by five steps of a quintic Newton-Schulz iteration.
    """
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if is_tall else x
