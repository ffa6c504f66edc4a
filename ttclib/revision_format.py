"""What a revision model reads: the prompt, then its latest answers, each followed by a separator.

Training, collecting and scoring build their context here, so that they cannot drift apart. The
model's is made of token ids as they were drawn, never of text: re-tokenised text is another prefix.
A verifier, which may have another tokenizer, reads the same as text (`revision_text`), then the
answer that it judges, ended by its `step_end` (a line break), at whose last token the score is read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

N_CONTEXT = 4
"""Earlier answers that stay in view; Snell et al. 2024, arXiv:2408.03314, section 6."""
PROMPT_MARK = "{prompt}"
"""Stands in a separator for the problem, which is then asked again behind each earlier answer."""

_T = TypeVar("_T")


def revision_prefix(
    prompt_ids: Sequence[int],
    earlier_ids: Sequence[Sequence[int]],
    separator_ids: Sequence[int],
    *,
    end_ids: Collection[int] = (),
    n_context: int = N_CONTEXT,
) -> list[int]:
    """Token ids that the next answer of a chain is drawn after.

    Parameters
    ----------
    prompt_ids : sequence of int
        The problem in the model's prompt format.
    earlier_ids : sequence of sequences of int
        Answers of the chain so far, oldest first, as drawn. Only the latest `n_context` are used.
    separator_ids : sequence of int
        Put behind each of them. With a chat model: the end of the assistant's turn, the user's next
        turn and the opening of another answer.
    end_ids : collection of int, keyword-only
        End tokens, which are cut off an answer's end: the model goes on after them here.
    n_context : int, keyword-only
        At least 0.

    Returns
    -------
    list of int
        The prompt alone where there is no earlier answer.

    Raises
    ------
    ValueError
        `n_context` is negative.

    Examples
    --------
    >>> revision_prefix([7, 8], [[1, 0], [2, 0]], [9], end_ids={0})
    [7, 8, 1, 9, 2, 9]
    >>> revision_prefix([7, 8], [[1, 0], [2, 0]], [9], end_ids={0}, n_context=1)
    [7, 8, 2, 9]
    """
    prefix = list(prompt_ids)
    for answer in _latest(earlier_ids, n_context):
        length = len(answer)
        while length and answer[length - 1] in end_ids:
            length -= 1
        prefix += [*answer[:length], *separator_ids]
    return prefix


def separator_text(separator: str, prompt: str) -> str:
    r"""A separator with the problem in the place of its mark.

    Parameters
    ----------
    separator : str
        May hold `PROMPT_MARK`. A small model that finds the question close before its answer needs
        little training to answer again.

    Examples
    --------
    >>> separator_text("\n\n{prompt}", "1+1=\n")
    '\n\n1+1=\n'
    """
    return separator.replace(PROMPT_MARK, prompt)


def revision_text(prompt: str, earlier: Sequence[str], separator: str, *, n_context: int = N_CONTEXT) -> str:
    r"""What a verifier reads before the answer that it judges.

    Parameters
    ----------
    earlier : sequence of str
        Answers of the chain so far, oldest first.
    separator : str
        May hold `PROMPT_MARK`.

    Examples
    --------
    >>> revision_text("1+1=\n", ["#3", "#2"], "\n\n", n_context=1)
    '1+1=\n#2\n\n'
    """
    separator = separator_text(separator, prompt)
    return prompt + "".join(answer + separator for answer in _latest(earlier, n_context))


def _latest(earlier: Sequence[_T], n_context: int) -> Sequence[_T]:
    if n_context < 0:
        raise ValueError(f"n_context must be at least 0, got {n_context}")
    return earlier[max(0, len(earlier) - n_context) :]
