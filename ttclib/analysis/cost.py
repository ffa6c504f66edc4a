"""What an inference costs in FLOPs."""

from __future__ import annotations


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


def flops_matched_multiplier(param_ratio: float, exchange_rate: float) -> float:
    """Inference budget at which the small model has cost as much as the large one.

    Solves ``X + c·Y = M·(X + Y)`` with X = 6·N·D_pretrain and Y = 2·N·D_inference, which gives
    ``c = M + 3·(M − 1)/R``.

    Parameters
    ----------
    param_ratio : float
        M, parameters of the large model over those of the small one, at least 1.
    exchange_rate : float
        R = D_inference / D_pretrain, above 0.

    Returns
    -------
    float
        c, at least 1.

    Raises
    ------
    ValueError
        If `param_ratio` < 1 or `exchange_rate` <= 0.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, section 7.

    Examples
    --------
    >>> flops_matched_multiplier(14, 0.16)
    257.75
    """
    if param_ratio < 1:
        raise ValueError(f"param_ratio must be at least 1, got {param_ratio}")
    if exchange_rate <= 0:
        raise ValueError(f"exchange_rate must be above 0, got {exchange_rate}")
    return param_ratio + 3 * (param_ratio - 1) / exchange_rate
