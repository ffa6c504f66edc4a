"""Which model a name means: a store refuses another under the name of one that it knows.

A model is told by its weights and its tokenizer, wherever they lie. Weights are hashed by what tells two apart
without reading all of them: the configuration, the names and sizes of the files, and blocks spread evenly over each,
so that a finetuned model differs from its base. Where they cannot be read here (a server's, say), path and revision
count instead: of a model behind an API its name there, where it is asked, and what it calls itself.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttclib.collect.checkpoints import resolve_model
from ttclib.config import JudgeConfig, PolicyConfig, PrmConfig
from ttclib.errors import RequestError
from ttclib.store import check_writable, is_collected, write_part
from ttclib.store.cells import json_object
from ttclib.store.models import list_models
from ttclib.store.reading_through import refuse_damaged

_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.gguf")  # the first kind that is there
_STATED = ("config.json", "generation_config.json")
_NOT_THE_MODEL = {"_name_or_path", "transformers_version"}
_TOKENIZER = (
    *("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json"),
)
_SERVED = re.compile(r"(.*) at (https?://.*)")  # an API's model and its addresses
_WHOLE, _BLOCK, _N_BLOCKS = 1 << 25, 1 << 12, 1 << 10  # bytes up to which a file is read whole; else blocks of it


@dataclass(frozen=True)
class Identity:
    """A model as a configuration names it."""

    name: str  # in the store
    path: str  # directory, hub id or `lab:NAME`; of an API the model's name and where it is, `gpt-x at https://host/v1`
    revision: str | None  # on the hub; what an API calls itself, None as long as it was not asked
    # weights_hash, tokenizer_hash: None: the files are not here
    weights_hash: str | None
    tokenizer_hash: str | None
    reads: Mapping[str, Any] | None = None  # how a verifier reads a solution

    def row(self) -> dict[str, Any]:
        """The columns of the store's ``models`` that tell which model it is."""
        return {name: value for name, value in vars(self).items() if name not in ("name", "reads")}


def identify(model: PolicyConfig | PrmConfig | JudgeConfig) -> Identity:
    """The identity of a configured model.

    Raises
    ------
    RequestError
        No such directory.
    """
    reads = None if isinstance(model, PolicyConfig) else model.reads()
    if isinstance(model, JudgeConfig) or (isinstance(model, PolicyConfig) and model.engine == "chat"):
        place = f"{model.server.model or model.path} at {', '.join(model.server.bases())}"
        return Identity(model.name, place, model.revision, None, None, reads)
    folder = _folder(resolve_model(model.path), model.revision)
    hashes = (None, None) if folder is None else (_hash_of_weights(folder), _hash_of_tokenizer(folder))
    return Identity(model.name, model.path, model.revision, *hashes, reads)


def check_identity(store: Path, *models: PolicyConfig | PrmConfig | JudgeConfig) -> dict[str, dict[str, Any]]:
    """Refuse a model under the name of another, and say what the store is told about those that it lets pass.

    Parameters
    ----------
    store : pathlib.Path
        It need not exist yet.
    *models : PolicyConfig, PrmConfig or JudgeConfig
        What a run is about to use.

    Returns
    -------
    dict of str to dict
        By name, the identity's columns of the store's ``models``.

    Raises
    ------
    RequestError
        The store, or another of `models`, has another model under this name; or the store is not to be written to.
    """
    return _checked(store, *models)[0]


def _checked(
    store: Path, *models: PolicyConfig | PrmConfig | JudgeConfig
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The identities of models that the store lets pass, and what it knows of its models."""
    check_writable(store)
    asked = [identify(model) for model in models]
    refuse_damaged(store)
    known = _known(store)
    for number, model in enumerate(asked):
        for other in asked[:number]:
            if other.name == model.name and (how := _difference(other.row() | {"reads": None}, model)):
                raise RequestError(
                    f"two models are called '{model.name}': '{other.path}' and '{model.path}' {how}; give one another "
                    "name"
                )
        row = known.get(model.name)
        if row is None:
            continue
        if row["path"] is None and "verifier" in row["roles"]:  # its scores would stand beside another's, unseen
            raise RequestError(
                f"'{store}' holds scores by '{model.name}' that came with samples, and does not know whether the model "
                f"at '{model.path}' gave them: give it another name, or, if it did, say so with `ttc models {store} "
                f"--set {model.name} {shlex.quote(f'path={model.path}')}`"
            )
        if how := _difference(row, model):
            raise RequestError(
                f"'{model.name}' in '{store}' is the model at '{_place(row)}', and '{_place(model.row())}' {how}: give "
                "it another name (its own, or the last part of its path), or use another store"
            )
    return {model.name: model.row() for model in asked}, known


def record_models(
    store: Path, *loaded: tuple[PolicyConfig | PrmConfig | JudgeConfig, dict[str, Any]], notify: Callable[[str], None]
) -> None:
    """Write down models that are loaded, with who they are; what an older store did not know is filled in, and told.

    Parameters
    ----------
    *loaded : (PolicyConfig, PrmConfig or JudgeConfig, dict)
        With the facts that the loaded model states.

    Raises
    ------
    RequestError
        What `check_identity` refuses, now that the files are here; nothing was written.
    """
    identities, known = _checked(store, *(model for model, _ in loaded))
    for name, row in identities.items():
        before = known.get(name)
        if before and before["roles"] and before["weights_hash"] is None and row["weights_hash"]:
            notify(f"'{store}' did not say which weights its '{name}' has: it does now, those at '{_place(row)}'")
    rows = [{"model": model.name, **identities[model.name], **facts} for model, facts in loaded]
    write_part(store, "models", rows)


def known_policy(store: Path, policy: PolicyConfig) -> PolicyConfig:
    """A policy with what its API called itself when its samples in a store were drawn."""
    row = _known(store).get(policy.name)
    if policy.engine != "chat" or policy.revision is not None or not row:
        return policy
    return policy.model_copy(update={"revision": row["revision"]})


def _known(store: Path) -> dict[str, dict[str, Any]]:
    if not is_collected(store):
        return {}
    return {row["model"]: row for row in list_models(store)}


def _difference(known: dict[str, Any], model: Identity) -> str | None:
    """In what a model differs from one that is known; None: in nothing that can be told."""
    same_weights = known["weights_hash"] is not None and known["weights_hash"] == model.weights_hash
    if known["weights_hash"] and model.weights_hash and not same_weights:
        return "has other weights"
    if known["tokenizer_hash"] and model.tokenizer_hash and known["tokenizer_hash"] != model.tokenizer_hash:
        return "has another tokenizer or chat template"
    reads = json_object(known["reads"], f"model '{model.name}' in the store")
    for name, value in (model.reads or {}).items():
        if name in reads and value not in (reads[name], "auto"):
            return f"is to read otherwise ({name} = {value!r:.80}, not {reads[name]!r:.80})"
    if (then := _SERVED.fullmatch(known["path"] or "")) and (now := _SERVED.fullmatch(model.path)):
        return _difference_of_served(then, now, known["revision"], model.revision)
    if known["path"] and not same_weights:
        if _resolved(known["path"]) != _resolved(model.path):
            return "lies elsewhere"
        if (known["revision"] or "main") != (model.revision or "main"):
            return "is another revision"
    return None


def _difference_of_served(then: re.Match[str], now: re.Match[str], *called: str | None) -> str | None:
    """The same for models behind APIs: one may have several addresses, and says who it is when it is asked."""
    if then[1] != now[1]:
        return "is another model"
    if not set(then[2].split(", ")) & set(now[2].split(", ")):
        return "lies elsewhere"
    return "calls itself otherwise" if None not in called and called[0] != called[1] else None


def _place(row: dict[str, Any]) -> str:
    if not row["revision"]:
        return str(row["path"])
    return (
        f"{row['path']} as {row['revision']}" if _SERVED.fullmatch(row["path"]) else f"{row['path']}@{row['revision']}"
    )


def _resolved(path: str) -> str:
    return str(Path(path).resolve()) if Path(path).is_dir() else path


def _folder(path: str, revision: str | None) -> Path | None:
    """The directory with a model's files; None: they are not here, as long as nobody has fetched them."""
    if Path(path).is_dir():
        return Path(path)
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(path, revision=revision, local_files_only=True))
    except Exception:  # no such package, nothing in the cache, a cache that is damaged
        return None


def _hash_of_weights(folder: Path) -> str | None:
    files = next((found for pattern in _WEIGHTS if (found := sorted(folder.glob(pattern)))), [])
    if not files:
        return None
    digest = hashlib.blake2b(digest_size=12)
    for name in _STATED:
        _add(digest, name, _stated(folder / name))
    for file in files:
        _add(digest, file.name, _spread(file))
    return digest.hexdigest()


def _hash_of_tokenizer(folder: Path) -> str | None:
    files = [folder / name for name in _TOKENIZER if (folder / name).is_file()]
    if not files:
        return None
    digest = hashlib.blake2b(digest_size=12)
    for file in files:
        _add(digest, file.name, file.read_bytes())
    return digest.hexdigest()


def _add(digest: Any, name: str, content: bytes) -> None:
    digest.update(f"{name} {len(content)}\n".encode())
    digest.update(content)


def _stated(file: Path) -> bytes:
    """A configuration without what a copy of the model changes in it."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return b""
    if not isinstance(content, dict):
        return b""
    return json.dumps({k: v for k, v in content.items() if k not in _NOT_THE_MODEL}, sort_keys=True).encode()


def _spread(file: Path) -> bytes:
    """A file's size and content, of a large one blocks spread evenly from its beginning to its end."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        if size <= _WHOLE:
            return stream.read()
        found = [str(size).encode()]
        for number in range(_N_BLOCKS):
            stream.seek((size - _BLOCK) * number // (_N_BLOCKS - 1))
            found.append(stream.read(_BLOCK))
    return b"".join(found)
