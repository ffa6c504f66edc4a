"""A run's configuration: read whole, or refused in one line that names the key."""

from __future__ import annotations

import json

import pytest

from ttclib.config import RunConfig, load_config, presets
from ttclib.errors import RequestError

MINIMAL = 'store = "s.duckdb"\n[problems]\nsource = "lab:test"\n[policy]\nname = "m"\npath = "lab:policy"\n'


@pytest.fixture
def config(tmp_path):
    """Read a configuration from text."""

    def read(text: str, **overrides: object) -> RunConfig:
        path = tmp_path / "run.toml"
        path.write_text(text)
        return load_config(path, **overrides)

    return read


def test_defaults_are_filled_in_and_frozen(config):
    read = config(MINIMAL)
    assert (read.sampling.n_samples, read.sampling.temperature, read.prm, read.grading.grader) == (
        64,
        1.0,
        None,
        "math",
    )
    with pytest.raises(ValueError, match="frozen"):
        read.sampling.n_samples = 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sotre = 1\n" + MINIMAL, "unknown key 'sotre': did you mean 'store'.*Allowed here: store, problems, policy"),
        (MINIMAL + "[sampling]\ntemprature = 1", "unknown key 'sampling.temprature': did you mean 'temperature'"),
        (MINIMAL + '[prm]\npath = "x"\nbatch_size = 3', "unknown key 'prm.batch_size'.*Allowed here: name, path"),
        (MINIMAL + "[zzz]\na = 1", r"unknown key 'zzz'\. Allowed here"),
        (MINIMAL + "[sampling]\nn_samples = 0", "sampling.n_samples = 0: input should be greater than or equal to 1"),
        (MINIMAL + "[sampling]\ntemperature = -1", "sampling.temperature = -1: "),
        (MINIMAL + "[sampling]\ntemperature = inf", "sampling.temperature = Infinity: "),
        (MINIMAL + '[prompt]\ntemplate = "Solve this"', 'prompt.template = "Solve this": .*match pattern'),
        (MINIMAL + "[sampling]\ntop_p = 1.5", "sampling.top_p = 1.5: "),
        (MINIMAL + "[sampling]\nn_samples = 2.5", "sampling.n_samples = 2.5: "),
        (MINIMAL + "[sampling]\nstep_delimiter = ''", 'sampling.step_delimiter = "": '),
        (MINIMAL + "sampling = 3", "policy.sampling"),  # TOML: it belongs to the last section
        (
            MINIMAL + 'engine = "vlm"',
            "policy.engine = \"vlm\": input should be 'transformers', 'vllm', 'server' or 'chat'",
        ),
        (
            MINIMAL + '[grading]\ngrader = "sympy"',
            "input should be 'math', 'exact' or 'reasoning-gym'",
        ),
        (MINIMAL + '[problems.fields]\nquestion = "prompt"', "problems.fields.question"),
        (MINIMAL.replace('store = "s.duckdb"', ""), "'store' is missing: add it"),
        (MINIMAL.replace('name = "m"', ""), "'policy.name' is missing: add it"),
        (
            MINIMAL + "[revision]\nn_step = 3",
            "unknown key 'revision.n_step': did you mean 'n_steps'.*Allowed here: model",
        ),
        (MINIMAL + '[revision.verifier]\nread = "steps"', "'revision.verifier.path' is missing: add it"),
        (MINIMAL + "[revision]\nn_context = -1", "revision.n_context = -1: "),
        ("store = ", "is no valid TOML"),
    ],
)
def test_a_bad_configuration_is_one_line(config, text, message):
    with pytest.raises(RequestError, match=message) as raised:
        config(text)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_status == 2


def test_a_missing_file_lists_the_presets(tmp_path):
    with pytest.raises(RequestError, match=r"no config 'nope.toml': name a TOML file or a preset \(.*lab"):
        load_config("nope.toml")
    with pytest.raises(RequestError, match="no config"):
        load_config(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RequestError, match="is no valid TOML"):
        load_config(tmp_path / "binary.toml")


@pytest.mark.parametrize("name", presets())
def test_presets_load(name):
    assert load_config(name).policy.name


def test_overrides_win_and_none_does_not_count(config):
    read = config(MINIMAL, store="other.duckdb", sampling__n_samples=5, problems__limit=None)
    assert (str(read.store), read.sampling.n_samples, read.problems.limit) == ("other.duckdb", 5, None)
    with pytest.raises(RequestError, match=r"sampling\.n_samples = 0"):
        config(MINIMAL, sampling__n_samples=0)


@pytest.mark.parametrize("text", ["sampling = 3\n" + MINIMAL, 'store = "s"\nproblems = "lab:test"\n'])
def test_an_override_into_what_is_no_section_is_refused(config, text):
    with pytest.raises(RequestError, match="should be a valid dictionary"):
        config(text, sampling__n_samples=5, problems__limit=3)


class TestSetting:
    """What makes draws the same distribution, and so the same pool."""

    def of(self, **overrides: object) -> str:
        return str(load_config("lab", **overrides).setting_row()["setting"])

    @pytest.mark.parametrize(
        "change",
        [
            {"sampling__seed": 9},
            {"sampling__n_samples": 3},
            {"problems__limit": 3},
            {"policy__batch_size": 1},
            {"store": "elsewhere.duckdb"},
            {"policy__name": "another"},  # kept in a column of its own
        ],
    )
    def test_is_the_same(self, change):
        assert self.of(**change) == self.of()

    @pytest.mark.parametrize(
        "change",
        [
            {"sampling__temperature": 0.5},
            {"sampling__top_p": 0.9},
            {"sampling__max_tokens": 9},
            {"sampling__stop": ["x"]},
            {"sampling__step_delimiter": "\n\n"},
            {"prompt__template": "Solve: {prompt}"},
            {"prompt__system": "You are"},
            {"prompt__chat": True},
        ],
    )
    def test_differs(self, change):
        assert self.of(**change) != self.of()

    def test_does_not_change_between_releases(self):
        # A pool is found again by this name: a new one would orphan every store.
        pinned = {"sampling__max_tokens": 256}
        assert self.of(**pinned) == self.of(**pinned, sampling__temperature=1) == "23e59b56754c"


def test_a_setting_of_chains_is_what_stands_between_answers(config):
    plain, chat = config(MINIMAL + "[revision]"), config(MINIMAL + "[prompt]\nchat = true\n[revision]")
    row = plain.revision_setting_row(plain.revision)
    assert row["setting"] != plain.setting_row()["setting"]
    keys = json.loads(row["keys"])
    assert keys["prompt_format"]["revision"] == {"n_context": 4, "separator": "\n\n"}
    assert (keys["temperature"], keys["max_tokens"]) == (1.0, 512)
    more = config(MINIMAL + "[revision]", revision__n_chains=99, revision__n_steps=3)
    assert more.revision_setting_row(more.revision) == row  # more draws belong to the same chains
    turns = json.loads(chat.revision_setting_row(chat.revision)["keys"])["prompt_format"]["revision"]
    assert set(turns) == {"n_context", "followup"}


def test_a_verifiers_steps_end_where_sampling_says(config):
    delimited = MINIMAL + "[sampling]\nstep_delimiter = '@'\n"
    verifiers = '[prm]\npath = "x"\n[revision.verifier]\npath = "x"\n'
    read = config(delimited + verifiers)
    assert read.prm.step_end == read.revision.verifier.step_end == "@"
    assert config(delimited + '[prm]\npath = "x"\nstep_end = "!"').prm.step_end == "!"
    assert config(MINIMAL + '[prm]\npath = "x"').prm.step_end == "\n"


def test_few_shot_examples_are_another_pool_and_their_absence_is_none(config):
    plain, shown = config(MINIMAL), config(MINIMAL + '[prompt]\nexamples = [{ prompt = "1+1=", answer = "2" }]')
    assert "examples" not in json.loads(plain.setting_row()["keys"])["prompt_format"]
    assert plain.setting_row()["setting"] != shown.setting_row()["setting"]
