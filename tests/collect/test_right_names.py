"""Whatever is sampled, scored, searched and imported, in any order: nothing stands under a name that did not make it.

The models are made up: what each draws and scores says which model it was, and at which temperature.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import ttclib.collect.verifiers
from tests.collect.test_search import NEWLINE, TEXTS, FakeEngine
from ttclib.collect import run, stepping
from ttclib.collect.engines.types import Completion, Draw
from ttclib.collect.search import search
from ttclib.collect.verifiers.common import StepScores
from ttclib.config import PolicyConfig, PrmConfig, RunConfig, SamplingConfig
from ttclib.errors import RequestError
from ttclib.interchange import import_samples
from ttclib.store import absorb, connect

DIGITS = [TEXTS.index(digit) for digit in "0123456789"]
TEMPERATURES = (0.5, 1.0)
MODELS = 2  # policies 0 and 1, verifiers 0 and 1
IMPORTED = 9  # what imported samples say, and .9 the scores that come with them


class Drawing(FakeEngine):
    """Every line it writes is its model's number and that of the temperature."""

    def __init__(self, model: int) -> None:
        super().__init__()
        self.model = model

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        greedy = sampling.temperature == 0
        line = [DIGITS[self.model], DIGITS[8 if greedy else TEMPERATURES.index(sampling.temperature)]]
        one_step = any(stop == "\n" for stop in sampling.stop)
        ids = [*line, NEWLINE] if one_step else [*line, NEWLINE, *line, 1]
        return [Completion(ids, "".join(TEXTS[token] for token in ids), "stop", -1.0) for _ in draws]


class Reading:
    """Every score is its model's number."""

    def __init__(self, config: PrmConfig) -> None:
        self.model = int(Path(config.path).name[-1])

    def encoded(self, prompt: str, steps: Sequence[str]) -> tuple[list[int], list[int]]:
        return [1] * len(steps), list(range(len(steps)))

    def score(self, solutions: Sequence[tuple[list[int], list[int]]]) -> list[StepScores]:
        return [StepScores([self.model / 10] * len(positions), len(ids)) for ids, positions in solutions]

    def model_facts(self) -> dict[str, Any]:
        return {"kind": "prm"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directories of models that differ in their weights alone."""
    root = tmp_path_factory.mktemp("models")
    for kind in ("policy", "verifier"):
        for number in range(MODELS):
            (root / f"{kind}{number}").mkdir()
            (root / f"{kind}{number}" / "model.safetensors").write_text(f"{kind} {number}")
            (root / f"{kind}{number}" / "tokenizer.json").write_text("{}")
    return root


@pytest.fixture(autouse=True, scope="module")
def made_up() -> Any:
    with pytest.MonkeyPatch.context() as patch:

        def load(policy: PolicyConfig, prompt: Any, on: Any = None) -> Drawing:
            return Drawing(int(Path(policy.path).name[-1]))

        patch.setattr(run, "load_engine", load)
        patch.setattr(stepping, "load_engine", load)
        patch.setattr(ttclib.collect.verifiers, "load_prm", Reading)
        yield


names = st.sampled_from(["a", "b"])
models = st.integers(0, MODELS - 1)
actions = st.fixed_dictionaries(
    {
        "what": st.sampled_from(["sample", "score", "search", "import", "take in"]),
        "policy": st.tuples(names, models),
        "verifier": st.tuples(st.sampled_from(["v", "w"]), models),
        "temperature": st.sampled_from(TEMPERATURES),
        "n_samples": st.integers(1, 4),
        "seed": st.integers(0, 2),
        "stated": st.booleans(),  # whether imported lines state their setting
    }
)


def do(action: dict[str, Any], store: Path, folders: Path) -> None:
    (policy, model), (verifier, reader) = action["policy"], action["verifier"]
    config = RunConfig.model_validate(
        {
            "store": str(store),
            "problems": {"source": "lab:test", "limit": 2},
            "policy": {"name": policy, "path": str(folders / f"policy{model}")},
            "prm": {"name": verifier, "path": str(folders / f"verifier{reader}")},
            "sampling": {name: action[name] for name in ("temperature", "n_samples", "seed")} | {"max_tokens": 20},
            "search": {"algorithms": [{"strategy": "beam_search", "beam_width": 2}], "budgets": [2]},
            "grading": {"grader": "exact"},
        }
    )
    if action["what"] == "sample":
        run.sample(config)
    elif action["what"] == "score":
        run.sample(config)
        run.score(config)
    elif action["what"] == "search":
        run.sample(config)
        search(config)
    elif action["what"] == "take in":
        absorb(store)
    else:
        setting = {"temperature": action["temperature"]} if action["stated"] else None
        line = {"problem_id": "lab-test-0000", "policy": policy, "sample_index": action["seed"], "setting": setting}
        line |= {"completion": f"{IMPORTED}\n{IMPORTED}", "step_scores": [0.9, 0.9], "prompt": "1*(8-1)=\n"}
        file = store.with_name("lines.jsonl")
        file.write_text(json.dumps({name: value for name, value in line.items() if value is not None}) + "\n")
        import_samples(file, store, grader="exact", verifier=verifier)


def check(store: Path) -> None:
    """What stands in the store says of itself what the store says of it."""
    with connect(store) as con:
        keys = {name: json.loads(text) for name, text in con.execute("SELECT setting, keys FROM settings").fetchall()}
        paths = dict(con.execute("SELECT model, path FROM models").fetchall())
        drawn = con.execute("SELECT policy, setting, completion FROM samples").fetchall()
        drawn += con.execute("SELECT policy, setting, text FROM nodes WHERE path NOT LIKE '%g'").fetchall()
        scored = con.execute("SELECT verifier, unnest(step_scores) FROM scores").fetchall()
        scored += con.execute("SELECT verifier, step_score FROM node_scores").fetchall()
    for policy, setting, text in drawn:
        if text.startswith(str(IMPORTED)):
            assert "step_delimiter" not in keys[setting]  # never in a pool that was drawn here
            continue
        assert paths[policy] is not None and text[0] == paths[policy][-1], (policy, text)
        assert TEMPERATURES[int(text[1])] == keys[setting]["temperature"], (setting, text)
    for verifier, score in scored:
        own = 0.9 if paths.get(verifier) is None else int(paths[verifier][-1]) / 10
        assert score == pytest.approx(own), (verifier, score, paths.get(verifier))


@settings(max_examples=15)
@given(st.lists(actions, min_size=2, max_size=5))
def test_nothing_ever_stands_under_a_name_that_did_not_make_it(folders: Path, did: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.duckdb"
        for action in did:
            before = {path: path.read_bytes() for path in Path(folder).rglob("*.parquet")} | {
                path: path.read_bytes() for path in [store] if store.exists()
            }
            try:
                do(action, store, folders)
            except RequestError:  # refused: then nothing was written, or samples alone where these were right
                assert all(path.read_bytes() == content for path, content in before.items())
                new = {path.name.split("-")[1] for path in Path(folder).rglob("*.parquet") if path not in before}
                assert not new & {"scores", "nodes", "node_scores"}
                assert not new or action["what"] in ("score", "search")
            if store.exists() or store.with_name("s.duckdb.parts").exists():
                check(store)
