"""Where a solution's steps end, in text and in tokens."""

from __future__ import annotations

from collections.abc import Sequence


def split_steps(text: str, delimiter: str = "\n") -> list[str]:
    r"""Cut a solution after each delimiter; the pieces join to the text again.

    A piece of white space alone belongs to the step before it, so blank lines make no steps.

    Returns
    -------
    list of str
        At least one; ``[""]`` for an empty text.

    Examples
    --------
    >>> split_steps("7*7\n\n49\n#49")
    ['7*7\n\n', '49\n', '#49']
    """
    steps: list[str] = []
    for piece in text.split(delimiter):
        whole = piece + delimiter
        if steps and not piece.strip():
            steps[-1] += whole
        else:
            steps.append(whole)
    steps[-1] = steps[-1].removesuffix(delimiter)  # the text ends where it ends
    return steps


def guess_delimiter(completions: Sequence[str]) -> tuple[str, float]:
    r"""Where steps seem to end in solutions of unknown origin: at blank lines where most have some, else at lines.

    Parameters
    ----------
    completions : sequence of str
        At least one.

    Returns
    -------
    delimiter : str
    share : float
        Of the completions that hold it before their end.

    Examples
    --------
    >>> guess_delimiter(["7*7\n\n49", "7\n\n8", "49"])
    ('\n\n', 0.6666666666666666)
    >>> guess_delimiter(["7*7\n49", "7\n8\n\n9", "49"])
    ('\n', 0.6666666666666666)
    """
    held = {mark: sum(mark in text.strip() for text in completions) for mark in ("\n\n", "\n")}
    delimiter = "\n\n" if 2 * held["\n\n"] > held["\n"] else "\n"
    return delimiter, held[delimiter] / len(completions)


def count_step_tokens(token_texts: Sequence[str], delimiter: str = "\n") -> list[int]:
    r"""Tokens of each step; a token belongs to the step that its last character belongs to.

    Parameters
    ----------
    token_texts : sequence of str
        Text of each token, special tokens empty: those at the end belong to the last step.

    Returns
    -------
    list of int
        As many as `split_steps` gives for the joined text; sums to the number of tokens.

    Examples
    --------
    >>> count_step_tokens(["7*7", "\n", "49", ""])
    [2, 2]
    """
    steps = split_steps("".join(token_texts), delimiter)
    counts = [0] * len(steps)
    step, end, read = 0, len(steps[0]), 0
    for text in token_texts:
        read += len(text)
        while read > end and step < len(steps) - 1:
            step += 1
            end += len(steps[step])
        counts[step] += 1
    return counts
