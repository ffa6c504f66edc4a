"""What strategies call themselves: two that answer otherwise never have one name, and a default says nothing."""

import pytest

from ttclib.errors import RequestError
from ttclib.replay.strategy import strategies

OTHER = {"threshold": 0.75, "window": 9, "score_threshold": 0.25, "lead": 0.75, "rebase_temperature": 1.5}
ALWAYS_SAID = {"beam_width": ("M=4", "M=9"), "lookahead_steps": ("k=1", "k=9"), "ratio": ("ratio 1", "ratio 9")}
SILENT = {"subsets", "replicates"}  # how closely it is computed
EVERY = [(name, one) for name, strategy in strategies().items() for one in strategy().parameters()]


@pytest.mark.parametrize(("name", "parameter"), EVERY, ids=[f"{name}-{one}" for name, one in EVERY])
def test_every_parameter_that_decides_an_answer_is_said(name: str, parameter: str) -> None:
    strategy = strategies()[name]
    known = strategy.parameter(parameter)
    if parameter in SILENT:
        assert strategy(**{parameter: 9}).variant == strategy().variant
        return
    others = [value for value in known.allowed if value != known.default] or [OTHER.get(parameter, 8)]
    if parameter in ALWAYS_SAID:
        others.append(9)
        assert ALWAYS_SAID[parameter][0] in strategy().variant
        assert ALWAYS_SAID[parameter][1] in strategy(**{parameter: 9}).variant
    names = [strategy().variant, *(strategy(**{parameter: value}).variant for value in others)]
    assert len(set(names)) == len(names), "two that differ by it have one name"
    assert all(each.startswith(name) for each in names)


@pytest.mark.parametrize("name", strategies())
def test_a_default_has_a_bare_name_or_says_what_is_always_said(name: str) -> None:
    strategy = strategies()[name]()
    said = [default for one, (default, _) in ALWAYS_SAID.items() if one in strategy.parameters()]
    assert strategy.variant == (f"{name} ({', '.join(said)})" if said else name)


ASKED = {one.name: one for strategy in strategies().values() for one in strategy.asked()}


@pytest.mark.parametrize("name", ASKED)
def test_a_parameter_reads_its_names_and_its_numbers_and_says_what_it_takes(name: str) -> None:
    known = ASKED[name]
    for text in known.allowed:
        assert known.read(text) == text
    if known.kind is not str:
        assert known.read("3") == 3 and type(known.read("3")) is known.kind
    with pytest.raises(RequestError) as told:
        known.read("~")
    said = str(told.value)
    assert "~" in said and "\n" not in said and all(one in said for one in known.allowed)
    assert ("number" in said) == (known.kind is not str)
    if known.allowed and known.kind is not str:  # a slip of a name is told as one
        with pytest.raises(RequestError, match=f"did you mean '{known.allowed[0]}'"):
            known.read(f"{known.allowed[0]}x")
