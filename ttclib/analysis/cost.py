"""What an inference costs: the papers' formulas on plain numbers; `ttclib.analysis.ledger` applies them."""

from __future__ import annotations

from ttclib.errors import RequestError

KINETICS_INTENSITY = 562.5  # FLOPs a byte of a B200, Kinetics 2506.05333


def flops_per_token(
    n_parameters: float, *, n_layers: int = 0, hidden_size: int = 0, context_tokens: float = 0
) -> float:
    """FLOPs of one decoded token: ``2·(P + 2·L·d·ctx)``.

    Parameters
    ----------
    n_parameters : float
        P, active parameters.
    n_layers, hidden_size : int, keyword-only
        L and d. Left at 0, attention is not counted and ``2·P`` remains.
    context_tokens : float, keyword-only
        Tokens attended to.

    Returns
    -------
    float

    References
    ----------
    Kaplan et al. 2020, arXiv:2001.08361; Brown et al. 2024, arXiv:2407.21787, appendix.

    Examples
    --------
    >>> flops_per_token(8.03e9, n_layers=32, hidden_size=4096, context_tokens=1000)
    16584288000.0
    """
    return 2 * (n_parameters + 2 * n_layers * hidden_size * context_tokens)


def pretrain_flops(n_parameters: float, training_tokens: float) -> float:
    """FLOPs of pretraining: ``6·N·D``.

    Parameters
    ----------
    n_parameters : float
        N.
    training_tokens : float
        D.

    Returns
    -------
    float

    References
    ----------
    Kaplan et al. 2020, arXiv:2001.08361; the figures of Liu et al. 2025, arXiv:2502.06703.

    Examples
    --------
    >>> f"{pretrain_flops(405e9, 15e12):.3e}"
    '3.645e+25'
    """
    return 6.0 * n_parameters * training_tokens


def kinetics_eflops(
    n_trials: float,
    n_parameters: float,
    prompt_tokens: float,
    completion_tokens: float,
    n_layers: int,
    n_kv_heads: int,
    head_dim: int,
    n_heads: int,
    intensity: float = KINETICS_INTENSITY,
) -> float:
    """Compute and memory traffic of N trials on one prompt, as FLOPs: ``C_comp + I·C_mem``.

    With D = 2·layers·kv_heads·head_dim elements of KV cache a token and r = heads / kv_heads::

        2·N·P·L_out                          the parameters, each decoded token
        + 2·r·N·L_in·D·L_out                 attention to the prompt
        + r·N·D·L_out²                       attention to what was decoded
        + 2·I·L_in·D·L_out                   reading the prompt's KV cache, once for all trials
        + I·N·D·L_out²                       reading each trial's own KV cache

    Parameters
    ----------
    n_trials : float
        N.
    n_parameters : float
        P, active parameters.
    prompt_tokens, completion_tokens : float
        L_in and L_out, the latter of one trial.
    n_layers, n_kv_heads, head_dim, n_heads : int
        Of the policy.
    intensity : float
        I, FLOPs that the hardware does in the time of one byte; 562.5 for a B200.

    Returns
    -------
    float
        eFLOPs.

    Raises
    ------
    ValueError
        `n_heads` is no multiple of `n_kv_heads`, or a number is negative.

    References
    ----------
    Sadhukhan et al. 2025, Kinetics, arXiv:2506.05333.

    Examples
    --------
    >>> kinetics_eflops(1, 1000, 0, 10, n_layers=1, n_kv_heads=1, head_dim=4, n_heads=2, intensity=0)
    21600.0
    """
    given = (n_trials, n_parameters, prompt_tokens, completion_tokens, n_layers, n_kv_heads, head_dim, n_heads)
    if min(given) < 0 or intensity < 0:
        raise ValueError("counts and intensity must not be negative")
    ratio = gqa_ratio(n_heads, n_kv_heads)
    kv = kv_elements_per_token(n_layers, n_kv_heads, head_dim)
    parameters = 2 * n_trials * n_parameters * completion_tokens
    attention = ratio * n_trials * kv * completion_tokens * (2 * prompt_tokens + completion_tokens)
    traffic = kv * completion_tokens * (2 * prompt_tokens + n_trials * completion_tokens)
    return float(parameters + attention + intensity * traffic)


def kv_elements_per_token(n_layers: int, n_kv_heads: int, head_dim: int) -> int:
    """D = 2·layers·kv_heads·head_dim: keys and values that a token leaves in the cache.

    Examples
    --------
    >>> kv_elements_per_token(32, 8, 128)
    65536
    """
    return 2 * n_layers * n_kv_heads * head_dim


def gqa_ratio(n_heads: int, n_kv_heads: int) -> float:
    """Attention heads that share one key-value head."""
    if n_kv_heads < 1 or n_heads % n_kv_heads:
        raise ValueError(f"n_heads must be a multiple of n_kv_heads, got {n_heads} and {n_kv_heads}")
    return n_heads / n_kv_heads


def flops_matched_multiplier(
    param_ratio: float, exchange_rate: float, *, training_tokens_ratio: float = 1.0, large_budget: float = 1.0
) -> float:
    """Inference budget at which the small model has cost as much as the large one.

    Solves ``X + c·Y = M·(t·X + m·Y)`` with X = 6·N·D_pretrain and Y = 2·N·D_inference, which gives
    ``c = m·M + 3·(t·M − 1)/R``; the paper's ``c = M + 3·(M − 1)/R`` where both models read the same
    tokens in training (t = 1) and the large one answers once (m = 1).

    Parameters
    ----------
    param_ratio : float
        M, parameters of the large model over those of the small one, at least 1.
    exchange_rate : float
        R = D_inference / D_pretrain of the small model, above 0.
    training_tokens_ratio : float, keyword-only
        t, training tokens of the large model over those of the small one, above 0.
    large_budget : float, keyword-only
        m, generations that the large model itself is given, at least 1.

    Returns
    -------
    float
        c; at least 1 where t is.

    Raises
    ------
    RequestError
        (a ValueError) If `param_ratio` < 1, `exchange_rate` <= 0, or another is out of its range.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, section 7.

    Examples
    --------
    >>> flops_matched_multiplier(14, 0.16)
    257.75
    """
    if not param_ratio >= 1:
        raise RequestError(f"param_ratio must be at least 1 (the large model is the larger one), got {param_ratio}")
    if not exchange_rate > 0:
        raise RequestError(f"exchange_rate must be above 0, got {exchange_rate}")
    if not training_tokens_ratio > 0:
        raise RequestError(f"training_tokens_ratio must be above 0, got {training_tokens_ratio}")
    if not large_budget >= 1:
        raise RequestError(f"large_budget must be at least 1, got {large_budget}")
    return large_budget * param_ratio + 3 * (training_tokens_ratio * param_ratio - 1) / exchange_rate
