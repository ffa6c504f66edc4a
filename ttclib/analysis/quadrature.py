"""Means over a beta distribution that have no stable closed form, by the trapezoid rule on the log-odds."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, digamma


def log_mean_over_beta(
    right: np.ndarray, wrong: np.ndarray, alpha: float, beta: float, scale: float = 1.0
) -> np.ndarray:
    """`sloped_log_mean_over_beta` without its slopes.

    Examples
    --------
    >>> bool(np.isclose(np.exp(log_mean_over_beta(np.array([2.0]), np.array([1.0]), 1, 1))[0], 1 / 12))
    True
    """
    return sloped_log_mean_over_beta(right, wrong, alpha, beta, scale)[0]


def sloped_log_mean_over_beta(
    right: np.ndarray, wrong: np.ndarray, alpha: float, beta: float, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Log E[p^right · (1 − p)^wrong] with p = scale·x and x ~ Beta(alpha, beta).

    On the log-odds of x the integrand is smooth and falls off exponentially at both ends, where the
    trapezoid rule converges faster than any power of the step. The step follows the narrowest peak that
    counts can make; the points beyond the ends, where all is exponential, are summed as geometric series.

    Parameters
    ----------
    right, wrong : float array, shape (counts,)
        At least 0.
    alpha, beta : float
        Above 0.
    scale : float
        In (0, 1].

    Returns
    -------
    value : float array, shape (counts,)
    slopes : float array, shape (counts, 3)
        By log alpha, log beta, and the log-odds of scale.
    """
    total = right + wrong
    step = min(0.25, 1.0 / np.sqrt(float(total.max()) + alpha + beta + 1))
    # 1 − scale·x can turn as late as x = 1 − (1 − scale)/wrong: far enough out, everything is exponential.
    end = np.log(float(total.max()) + alpha + beta + 2) + 20.0
    t = np.arange(-end, end + step, step)
    log_x, log_rest = -np.logaddexp(0, -t), -np.logaddexp(0, t)
    log_p = np.log(scale) + log_x
    log_not_p = log_rest if scale == 1 else np.logaddexp(log_rest, np.log1p(-scale) + log_x)
    log_g = (alpha * log_x + beta * log_rest)[None] + right[:, None] * log_p[None] + wrong[:, None] * log_not_p[None]
    peak = log_g.max(axis=1, keepdims=True)
    g = np.exp(log_g - peak)
    x, rest = np.exp(log_x), np.exp(log_rest)
    # How fast log g changes at the ends is how fast the points beyond them fall.
    turn = scale * x * rest / np.exp(log_not_p)
    rate = (alpha * rest - beta * x)[None] + right[:, None] * rest[None] - wrong[:, None] * turn[None]
    left, after = (np.expm1(np.maximum(step * slope, 1e-12)) for slope in (rate[:, 0], -rate[:, -1]))
    below, above = g[:, 0] / left, g[:, -1] / after
    mass = g.sum(axis=1) + below + above
    # Slopes are means of log x, log(1 − x) and x/(1 − scale·x) under g; beyond the ends these go on as straight lines.
    mean_log_x = g @ log_x + below * (t[0] - step * (1 / left + 1))
    mean_log_rest = g @ log_rest - above * (t[-1] + step * (1 / after + 1))
    turned = x / np.exp(log_not_p)
    mean_turned = g @ turned + above * turned[-1]
    slopes = np.stack(
        [
            alpha * (mean_log_x / mass - digamma(alpha) + digamma(alpha + beta)),
            beta * (mean_log_rest / mass - digamma(beta) + digamma(alpha + beta)),
            (1 - scale) * (right - wrong * scale * mean_turned / mass),
        ],
        axis=1,
    )
    return np.log(step * mass) + peak[:, 0] - betaln(alpha, beta), slopes
