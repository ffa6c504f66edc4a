from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.revision_format import N_CONTEXT, revision_prefix, revision_text

END, SEPARATOR = 0, [90, 91]
TOKENS = st.lists(st.integers(1, 9), max_size=4)


@given(TOKENS, st.lists(TOKENS, max_size=7), st.integers(0, 3), st.integers(0, 6))
def test_only_the_latest_answers_are_in_view(prompt, answers, n_ends, n_context):
    ended = [[*answer, *[END] * n_ends] for answer in answers]
    prefix = revision_prefix(prompt, ended, SEPARATOR, end_ids={END}, n_context=n_context)
    seen = answers[-n_context:] if n_context else []
    expected = list(prompt)
    for answer in seen:
        expected += answer + SEPARATOR
    assert prefix == expected


@given(TOKENS, st.lists(TOKENS, min_size=N_CONTEXT + 1, max_size=8))
def test_by_default_four_answers_are_in_view(prompt, answers):
    whole = revision_prefix(prompt, answers, SEPARATOR)
    assert whole == revision_prefix(prompt, answers[-4:], SEPARATOR, n_context=10)


def test_an_end_token_inside_an_answer_stays():
    assert revision_prefix([5], [[1, END, 2, END]], [9], end_ids={END}) == [5, 1, END, 2, 9]


def test_what_is_given_is_not_altered():
    prompt, answers = [5], [[1, END]]
    revision_prefix(prompt, answers, [9], end_ids={END}).append(3)
    assert prompt == [5] and answers == [[1, END]]


def test_a_negative_context_is_refused():
    with pytest.raises(ValueError, match="at least 0, got -1"):
        revision_prefix([1], [], [], n_context=-1)


@given(st.lists(st.text("ab", max_size=3), max_size=7), st.integers(0, 5))
def test_a_verifier_reads_the_same_as_text(answers, n_context):
    ids = revision_prefix([ord("p")], [[ord(c) for c in a] for a in answers], [ord("|")], n_context=n_context)
    assert revision_text("p", answers, "|", n_context=n_context) == "".join(map(chr, ids))
