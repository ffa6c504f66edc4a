"""The right sample under the right name: another model under a known name is refused, and nothing is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.collect.test_run import collect, rows, with_
from tests.models import save_tiny_policy, save_tiny_prm
from ttclib.collect import revise, run
from ttclib.collect.estimate import estimate_run
from ttclib.collect.identity import _hash_of_weights, check_identity, identify
from ttclib.collect.search import search
from ttclib.config import PrmConfig, RunConfig, last_part
from ttclib.errors import RequestError
from ttclib.store import absorb, set_model_facts, write_part


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another policy, of the same shape."""
    folder = tmp_path_factory.mktemp("elsewhere") / "other"
    return save_tiny_policy(folder, initializer_range=0.3)


def refused(config: RunConfig, message: str) -> None:
    """Every way to use the config is refused in one line, and the store's folder stays as it is."""
    before = content_of(config.store.parent)
    for use in (run.check, run.sample, estimate_run, search):
        with pytest.raises(RequestError, match=message) as error:
            use(config)
        assert error.value.exit_status == 2 and "\n" not in str(error.value)
    assert content_of(config.store.parent) == before


def test_another_policy_under_a_known_name(config: RunConfig, other: Path) -> None:
    run.sample(config)
    wrong = with_(config, policy={"path": str(other)}, sampling={"n_samples": 9})
    refused(wrong, rf"'tiny' in '.*' is the model at '{config.policy.path}', and '{other}' has other weights: give it")
    refused(with_(wrong, sampling={"n_samples": 6}), "has other weights")  # even where nothing is to be drawn
    assert run.sample(with_(wrong, policy={"name": "other"})) == 45
    revising = RunConfig.model_validate(wrong.model_dump() | {"revision": {"n_chains": 1, "n_steps": 1}})
    for use in (revise.check_revision, revise.revise):
        with pytest.raises(RequestError, match="has other weights"):
            use(revising)


def test_another_prm_under_a_known_name_does_not_pass_for_the_first(config: RunConfig, tmp_path: Path) -> None:
    collect(config)
    wider = save_tiny_prm(tmp_path / "wider", num_labels=2)
    wrong = with_(config, prm={"path": str(wider)})
    with pytest.raises(RequestError, match=r"'prm' in '.*' is the model at .* and '.*wider' has other weights"):
        run.score(wrong)
    with pytest.raises(RequestError, match=r"is to read otherwise \(raw_score = True, not False\)"):
        run.score(with_(config, prm={"raw_score": True}))
    assert run.score(with_(wrong, prm={"name": ""})) == 30  # under its own name, the last part of its path
    assert {name for (name,) in rows(config.store, "SELECT DISTINCT verifier FROM scores")} == {"prm", "wider"}


def test_a_copy_elsewhere_is_the_same_model_and_another_tokenizer_is_not(config: RunConfig, tmp_path: Path) -> None:
    run.sample(config)
    copy = Path(shutil.copytree(config.policy.path, tmp_path / "copy"))
    assert run.sample(with_(config, policy={"path": str(copy)}, sampling={"n_samples": 7})) == 5
    (copy / "chat_template.jinja").write_text("{{ messages }}")
    with pytest.raises(RequestError, match="has another tokenizer or chat template"):
        run.sample(with_(config, policy={"path": str(copy)}))
    assert rows(config.store, "SELECT path FROM models") == [(config.policy.path,)]


def test_without_weights_here_path_and_revision_tell(config: RunConfig) -> None:
    key = {"policy": "tiny", "problem_id": "p", "setting": "s", "sample_index": 0}
    write_part(config.store, "samples", [key])
    write_part(config.store, "models", [{"model": "tiny", "path": "owner/model", "revision": "abc"}])

    def use(path: str, revision: str | None) -> None:
        check_identity(config.store, with_(config, policy={"path": path, "revision": revision}).policy)

    use("owner/model", "abc")
    for path, revision, message in (("owner/model", None, "is another revision"), ("owner/else", "abc", "elsewhere")):
        with pytest.raises(RequestError, match=message):
            use(path, revision)
    with pytest.raises(RequestError, match="'owner/model@abc', and .* lies elsewhere"):
        use(config.policy.path, None)


def test_what_an_old_store_does_not_know_is_filled_in_and_said(config: RunConfig, other: Path) -> None:
    collect(config)
    absorb(config.store)
    for model in ("tiny", "prm"):
        set_model_facts(config.store, model, weights_hash=None, tokenizer_hash=None)
    refused(with_(config, policy={"path": str(other)}), "lies elsewhere")
    said: list[str] = []
    run.sample(with_(config, sampling={"n_samples": 7}), notify=said.append)
    (told,) = [line for line in said if "did not say which weights" in line]
    assert "'tiny'" in told and config.policy.path in told
    found = dict(rows(config.store, "SELECT model, weights_hash FROM models"))
    assert found == {"tiny": identify(config.policy).weights_hash, "prm": None}
    said.clear()
    run.sample(with_(config, sampling={"n_samples": 8}), notify=said.append)
    assert not [line for line in said if "did not say" in line]


def test_scores_that_came_with_samples_are_not_taken_for_a_models_own(config: RunConfig) -> None:
    run.sample(config)
    key = {"policy": "tiny", "problem_id": "lab-test-0000", "setting": config.setting_row()["setting"]}
    write_part(config.store, "scores", [key | {"sample_index": 0, "verifier": "prm", "step_scores": [0.5]}])
    with pytest.raises(RequestError, match="holds scores by 'prm' that came with samples") as error:
        run.score(config)
    assert f"`ttc models {config.store} --set prm path=" in str(error.value)
    assert config.prm is not None
    set_model_facts(config.store, "prm", path=config.prm.path)
    assert run.score(config) == 29


def test_imported_scores_do_not_join_those_of_a_model(config: RunConfig, tmp_path: Path) -> None:
    from ttclib.interchange import import_samples

    collect(config)
    file = tmp_path / "lines.jsonl"
    line = {"problem_id": "x", "policy": "theirs", "sample_index": 0, "completion": "1\n#1", "step_scores": [0.1, 0.2]}
    file.write_text(json.dumps(line) + "\n")
    before = content_of(config.store.parent)
    with pytest.raises(RequestError, match="'prm' in '.*' is the model at .* name them otherwise with --verifier"):
        import_samples(file, config.store, grader="exact")
    assert content_of(config.store.parent) == before
    assert import_samples(file, config.store, grader="exact", verifier="theirs") == 1


def test_two_models_of_one_run_have_two_names(config: RunConfig) -> None:
    for use in (run.check, search):
        with pytest.raises(RequestError, match="two models are called 'tiny'"):
            use(with_(config, prm={"name": "tiny"}))


def test_a_large_file_is_told_by_blocks_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    with weights.open("wb") as file:
        file.truncate(80 << 20)
    seen = {_hash_of_weights(tmp_path)}
    for place in (0, 40 << 20, (80 << 20) - 1):
        with weights.open("r+b") as file:
            file.seek(place)
            file.write(b"\1" * 100_000)
        seen.add(_hash_of_weights(tmp_path))
    assert len(seen) == 4 and None not in seen
    (tmp_path / "config.json").write_text(json.dumps({"n": 1, "transformers_version": "5"}))
    one = _hash_of_weights(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"transformers_version": "6", "n": 1}))
    assert _hash_of_weights(tmp_path) == one not in seen
    assert _hash_of_weights(tmp_path / "nowhere") is None


def test_a_name_is_the_last_part_of_a_path_where_none_is_given(tmp_path: Path, monkeypatch: Any) -> None:
    assert PrmConfig(path="Qwen/Qwen2.5-Math-PRM-7B").name == "Qwen2.5-Math-PRM-7B"
    assert PrmConfig(path="lab:prm").name == "prm" and PrmConfig(name="mine", path="a/b").name == "mine"
    monkeypatch.chdir(tmp_path)
    assert last_part(".") == last_part("./") == tmp_path.name
