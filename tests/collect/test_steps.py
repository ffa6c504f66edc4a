from hypothesis import given
from hypothesis import strategies as st

from ttclib.collect.steps import count_step_tokens, split_steps

TEXT = st.text(alphabet="1+\n #", max_size=30)


@given(TEXT)
def test_steps_join_to_the_text(text: str) -> None:
    assert "".join(split_steps(text)) == text


@given(TEXT)
def test_a_step_is_never_blank_unless_all_before_it_is(text: str) -> None:
    assert all(step.strip() for step in split_steps(text)[1:])


@given(st.lists(st.text(alphabet="1+\n", max_size=4), min_size=1, max_size=12))
def test_every_token_belongs_to_one_step(tokens: list[str]) -> None:
    counts = count_step_tokens(tokens)
    assert sum(counts) == len(tokens)
    assert len(counts) == len(split_steps("".join(tokens)))


def test_a_token_across_a_boundary_belongs_to_where_it_ends() -> None:
    assert count_step_tokens(["1", "\n2", "\n", "3"]) == [1, 2, 1]


def test_the_end_token_belongs_to_the_last_step() -> None:
    assert count_step_tokens(["1", "\n", "2", ""]) == [2, 2]


def test_nothing_is_one_empty_step() -> None:
    assert split_steps("") == [""]
    assert count_step_tokens([""]) == [1]


def test_another_delimiter() -> None:
    assert split_steps("a\n\nb\nc\n\nd", "\n\n") == ["a\n\n", "b\nc\n\n", "d"]
