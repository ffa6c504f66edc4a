"""A run's configuration: read whole, or refused in one line that names the key."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.config import RunConfig, load_config, presets
from ttclib.config.keys import Key, as_toml, keys_of, sections
from ttclib.config.loading import read_toml
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


def test_all_faults_of_a_file_are_told_each_in_a_line(config):
    text = "a = 1\n" + MINIMAL + "[sampling]\ntemprature = 1\nmin_p = 3\n[[prompt.examples]]\nprompt = 4\nzz = 1\n"
    with pytest.raises(RequestError) as raised:
        config(text.replace('name = "m"\n', ""))
    lines = str(raised.value).split("\n")
    assert raised.value.exit_status == 2 and all("run.toml': " in line for line in lines)
    told = [line.partition("run.toml': ")[2].partition(":")[0].partition(".  Allowed")[0] for line in lines]
    assert sorted(told) == [
        "'policy.name' is missing",
        "'prompt.examples.0.answer' is missing",
        "prompt.examples.0.prompt = 4",
        "sampling.min_p = 3",
        "unknown key 'a'. Allowed here",
        "unknown key 'prompt.examples.0.zz'. Allowed here",
        "unknown key 'sampling.temprature'",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = " + "[" * 5000 + "]" * 5000, "more than 32 deep$"),
        ("x = " + "[" * 5000, "more than 32 deep$"),
        ("x = " + "{a = " * 5000 + "1" + "}" * 5000, "more than 32 deep$"),
        (".".join("a" * 5000) + " = 1", r"'policy\.a\.a…': lists or sections .* more than 32 deep$"),
        ("x = " + "1" * 5000, "is no valid TOML: an integer has thousands of digits$"),
        ("x = -" + "1" * 4000, r"'policy\.x' is an integer beyond 64 bits"),
        ("batch_size = 9223372036854775808", r"'policy\.batch_size' is an integer beyond 64 bits"),
        ("[sampling]\ntemperature = nan", r"sampling\.temperature = NaN: input should be a finite number$"),
        ("[policy.server]\ntimeout_s = inf", "timeout_s = Infinity: input should be a finite number$"),
    ],
)
def test_what_nothing_could_hold_is_one_line(config, text, message):
    with pytest.raises(RequestError, match=message) as raised:
        config(MINIMAL + text)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400


CHAT = MINIMAL + 'engine = "chat"\n[policy.server]\nurls = ["https://host/v1"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            MINIMAL + "[sampling]\npresence_penalty = 1",
            "presence_penalty = 1.0: engine 'transformers' does not take it",
        ),
        (MINIMAL + "[sampling]\nrepetition_penalty = 1.1", "engine 'transformers' .*; vllm, server, chat do$"),
        (
            MINIMAL + 'engine = "vllm"\n[sampling]\nreasoning_effort = "low"',
            "engine 'vllm' .*; chat does; where .* set prompt.chat_template_kwargs = { reasoning_effort",
        ),
        (MINIMAL + 'engine = "vllm"\ndevice = "cpu"', "policy.device = \"cpu\": engine 'vllm' .*; transformers does$"),
        (MINIMAL + "[policy.server]\nchoices = 2", "policy.server.choices = 2: engine 'transformers' .*; chat does$"),
        (MINIMAL + "[prompt.chat_template_kwargs]\na = 1", "set prompt.chat = true$"),
        (MINIMAL + 'engine = "chat"', r"policy.server.urls = \[\]: engine 'chat' needs an address"),
        (CHAT + "[prompt]\nchat = false", "prompt.chat = false: engine 'chat' asks in turns"),
        (CHAT + '[prompt]\nchat_template = "x"', "leaves the template to the API"),
        (CHAT + 'omit = ["top_p"]\n[sampling]\ntop_p = 0.5', "sampling.top_p = 0.5 would not be sent"),
        (
            MINIMAL + '[revision.model]\nname = "r"\npath = "r"\nengine = "server"\ndevice = "cpu"',
            "revision.model.device = \"cpu\": engine 'server' does not take it",
        ),
        (MINIMAL + "[policy.server]\nurls = ['host:8000']", "give a server's address"),
        (MINIMAL + "[policy.server]\nurls = ['http://host:99999']", "[Pp]ort out of range"),
        (MINIMAL + "[policy.server]\nurls = ['https://me:secret@host']", '"https://…@host": .*environment variable'),
        (MINIMAL + "[policy.server]\nurls = ['https://host/v1?key=secret']", r'"https://host/v1\?…": .*environment'),
    ],
)
def test_what_an_engine_cannot_do_is_refused(config, text, message):
    with pytest.raises(RequestError, match=message) as raised:
        config(text)
    assert "\n" not in str(raised.value) and "secret" not in str(raised.value)


def test_an_api_is_asked_in_turns_without_being_told(config):
    assert config(CHAT).prompt.chat and config(CHAT + '[prompt]\nsystem = "s"').prompt.chat
    assert not config(MINIMAL).prompt.chat


def test_what_decides_nothing_may_be_set_for_any_engine(config):
    text = MINIMAL + "[sampling]\npresence_penalty = 0\nrepetition_penalty = 1\nmin_p = 0\n"
    assert config(text).setting_row() == config(MINIMAL).setting_row()


def test_every_key_says_what_it_is():
    found = [key for name, model in sections() for key in keys_of(name, model)]
    assert len(found) > 95 and [key for key in found if not key.meaning or not key.kind] == []
    keys = {(key.section, key.name): key for key in found}
    assert keys["sampling", "min_p"] == Key(
        *("sampling", "min_p", "number", "", "from 0, to 1", "tokens of at least this share of the likeliest")
    )
    assert keys["policy", "engine"].allowed == '"transformers" or "vllm" or "server" or "chat"'
    assert (keys["policy", "name"].default, keys["sampling", "step_delimiter"].default) == ("needed", '"\\n"')


@pytest.mark.parametrize("name", presets())
def test_a_configuration_written_out_reads_as_the_same(name, tmp_path):
    read = load_config(name)
    (tmp_path / "whole.toml").write_text(as_toml(read, read_toml(name)))
    assert load_config(tmp_path / "whole.toml") == read


_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_PARAMETERS = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(_TEXT, one, max_size=3),
    max_leaves=8,
)


@given(system=_TEXT, parameters=st.dictionaries(_TEXT, _PARAMETERS, max_size=3))
def test_whatever_it_holds_it_is_written_so_that_it_reads_as_the_same(system, parameters):
    content = {"store": "s", "problems": {"source": "x", "parameters": parameters}, "prompt": {"system": system}}
    read = RunConfig.model_validate(content | {"policy": {"name": "m", "path": "m"}})
    assert RunConfig.model_validate(tomllib.loads(as_toml(read, content))) == read


def test_a_missing_file_lists_the_presets(tmp_path):
    with pytest.raises(RequestError, match=r"no config 'nope.toml': name a TOML file or a preset \(.*lab"):
        load_config("nope.toml")
    with pytest.raises(RequestError, match="is a folder: name a TOML file"):
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
