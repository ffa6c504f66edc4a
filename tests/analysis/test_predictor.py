"""The predictor that a plan carries, against the pipeline that it was made from."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.test_predicting import questions
from ttclib.analysis.predicting import FEWEST, PREDICTORS, features_of, learners, predicted_ease
from ttclib.analysis.predictor import Predictor, teach
from ttclib.errors import RequestError


@pytest.mark.parametrize("name", PREDICTORS)
def test_it_is_the_pipeline_to_the_ninth_digit_and_survives_its_file(name):
    asked, ease = questions(150)
    asked.metadata[5].clear()  # a number that one problem lacks
    ease[7] = np.nan
    features, taught = features_of(asked, name), ~np.isnan(ease)
    pipeline = learners()(features).fit(features.table[taught], ease[taught])
    plain = np.clip(pipeline.predict(features.table), 0, 1)
    found = teach(asked, ease, name)
    again = Predictor.from_data(json.loads(json.dumps(found.to_data(), allow_nan=False)))
    assert again == found and found.n_taught == 149
    assert np.abs(again.ease(asked) - plain).max() < 1e-9


@pytest.mark.parametrize("name", PREDICTORS)
def test_new_questions_are_told_as_well_as_those_left_out(name):
    asked, ease = questions(300)
    new, truth = questions(200, seed=1)
    told = teach(asked, ease, name).ease(new)
    left_out = predicted_ease(features_of(asked, name), ease)
    assert np.corrcoef(told, truth)[0, 1] == pytest.approx(np.corrcoef(left_out, ease)[0, 1], abs=0.12)
    one = replace(new, problem_ids=new.problem_ids[:1], prompts=new.prompts[:1], metadata=new.metadata[:1],
                  hidden=new.hidden[:1], greedy_logprob=new.greedy_logprob[:1])  # fmt: skip
    assert teach(asked, ease, name).ease(one)[0] == pytest.approx(told[0], abs=1e-12)  # by itself as among others


def test_what_is_missing_or_of_another_model_is_said():
    asked, ease = questions(100)
    by_state = teach(asked, ease, "question:hidden")
    assert by_state.wants == "hidden" and teach(asked, ease, "question:text").wants is None
    with pytest.raises(RequestError, match="width 3, the plan's predictor reads 16"):
        by_state.ease(replace(asked, hidden=asked.hidden[:, :3]))
    holed = asked.hidden.copy()
    holed[4] = np.nan
    with pytest.raises(RequestError, match="hidden state of 1 of 100 problems is missing, of 'p4' first"):
        by_state.ease(replace(asked, hidden=holed))
    with pytest.raises(RequestError, match="holds no hidden state of any problem"):
        by_state.ease(replace(asked, hidden=np.zeros((100, 0))))
    bare = [{} if i in (3, 9) else one for i, one in enumerate(asked.metadata)]
    with pytest.raises(
        RequestError, match="2 of 100 questions lack 'level', which the plan's predictor reads, 'p3' first"
    ):
        teach(asked, ease, "question:text").ease(replace(asked, metadata=bare))
    assert len(teach(replace(asked, metadata=bare), ease, "question:text").ease(replace(asked, metadata=bare))) == 100
    by_greedy = teach(asked, ease, "question:greedy")
    assert by_greedy.wants == "greedy"
    with pytest.raises(RequestError, match="log-probability of 100 of 100 problems is missing"):
        by_greedy.ease(replace(asked, greedy_logprob=np.full(100, np.nan)))
    with pytest.raises(RequestError, match=f"39 problems have a pass@1, a predictor wants {FEWEST}"):
        teach(asked, np.where(np.arange(100) < 39, ease, np.nan), "question")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "question:mind"},
        {"intercept": None},
        {"columns": [["eval", "x", 0, 1.0]]},
        {"hidden": ["x"]},
        {"ngrams": 3},
    ],
)
def test_a_predictor_that_cannot_be_read_is_refused_in_a_line(change):
    asked, ease = questions(100)
    data = teach(asked, ease, "question:text").to_data() | change
    with pytest.raises(RequestError, match="predictor cannot be read"):
        Predictor.from_data(data)
