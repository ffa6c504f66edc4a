"""Inspect AI: ``.eval`` logs, the same in JSON, and a log viewer's ``header.json`` with ``summaries.json``.

Epochs are samples, and the samples of a second log of the same task, model and setting are numbered on.
Read through inspect_ai where it is installed, else from the archive itself. `verdicts` says what a
score's value means; `_tokens` what the output's count does.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from ttclib.errors import RequestError
from ttclib.interchange.columns import Batch, Notes, batch_of_records
from ttclib.interchange.readers.naming import counts_beside
from ttclib.interchange.readers.registry import reader
from ttclib.interchange.readers.verdicts import grades_of
from ttclib.interchange.sources import Source
from ttclib.interchange.tables import parse_whole

_ZSTD = 93
_HEADER = 30
_LARGEST = 1 << 31


class Archive:
    """A ZIP file that is open for reading.

    Raises
    ------
    RequestError
        It is no ZIP file, or is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = {member.filename: member for member in archive.infolist()}
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise RequestError(f"cannot read '{path}': {error}") from error

    @property
    def names(self) -> list[str]:
        """Its members, in their order."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """A member's content.

        Raises
        ------
        RequestError
            It is damaged.
        """
        member = self._members[name]
        try:
            if member.file_size > _LARGEST:
                raise ValueError(f"it says that it has {member.file_size:,} bytes")
            if member.compress_type == _ZSTD:
                content: bytes = self._zstd(member)
            else:
                with zipfile.ZipFile(self.path) as archive:
                    content = archive.read(member)
            if zlib.crc32(content) != member.CRC:
                raise ValueError("its checksum is another")
        except (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error,
                struct.error, pa.ArrowException) as error:  # fmt: skip
            raise RequestError(f"cannot read '{name}' of '{self.path}': {error}") from error
        return content

    def _zstd(self, member: zipfile.ZipInfo) -> bytes:
        with open(self.path, "rb") as file:
            file.seek(member.header_offset)
            lengths = struct.unpack("<HH", file.read(_HEADER)[-4:])
            file.seek(sum(lengths), 1)
            packed = file.read(member.compress_size)
        if not member.file_size:
            return b""
        return bytes(pa.Codec("zstd").decompress(packed, member.file_size))


# What decides a draw, of all that Inspect's configuration of generation says.
SETTING = ("temperature", "top_p", "top_k", "max_tokens", "reasoning_effort", "effort", "reasoning_tokens", "verbosity",
           "frequency_penalty", "presence_penalty", "stop_seqs", "system_message")  # fmt: skip
_VIEWER = "summaries.json"


def _recognises(source: Source) -> bool:
    if source.kind == "zip":
        return True
    if source.kind != "json":
        return False
    if source.path.name.endswith(_VIEWER) or source.path.name.endswith("header.json"):
        return True
    value = source.value
    return (
        isinstance(value, dict)
        and isinstance(value.get("eval"), dict)
        and {"status", "samples"} & value.keys() != set()
    )


@reader("inspect", "Inspect AI logs: .eval, JSON, header.json with summaries.json", _recognises)
def read_inspect(source: Source, notes: Notes) -> Iterator[Batch]:
    """The samples of a log.

    Raises
    ------
    RequestError
        It is no log, is damaged, or its scores can be read in two ways.
    """
    if source.kind == "json" and source.path.name.endswith("header.json"):
        return  # read with its summaries
    header, samples = _log(source)
    where = f"'{source.path}' sample"
    try:
        records = _records(header, samples, source, notes)
    except (TypeError, KeyError, AttributeError) as error:
        raise RequestError(f"'{source.path}' is no log of Inspect AI: {type(error).__name__} at {error}") from error
    yield batch_of_records(records, range(1, len(records) + 1), where)


def _log(source: Source) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Header and samples."""
    if source.kind == "zip":
        return _with_inspect(source) or _from_archive(source)
    value = source.value
    if source.path.name.endswith(_VIEWER):
        beside = source.path.with_name(source.path.name.removesuffix(_VIEWER) + "header.json")
        if not beside.exists():
            raise RequestError(f"'{source.path}' has no '{beside.name}' beside it: both make a log")
        header = parse_whole(beside.read_bytes(), beside)
        samples = value
    else:
        header, samples = value, value.get("samples") if isinstance(value, dict) else None
    if not isinstance(header, dict) or not isinstance(header.get("eval"), dict):
        raise RequestError(f"'{source.path}' is no log of Inspect AI: its header has no 'eval'")
    if not isinstance(samples, list) or not all(isinstance(sample, dict) for sample in samples):
        raise RequestError(f"'{source.path}' is a log of Inspect AI without samples: give the whole log")
    return header, samples


def _with_inspect(source: Source) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    try:
        from inspect_ai.log import read_eval_log
    except ImportError:
        return None
    try:
        log = read_eval_log(str(source.path), resolve_attachments=True).model_dump(mode="json", exclude_none=True)
    except Exception as error:  # whatever its many formats trip over
        raise RequestError(f"cannot read '{source.path}': {' '.join(str(error).split())[:200]}") from error
    return log, log.get("samples") or []


def _from_archive(source: Source) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    archive = Archive(source.path)
    head = next((name for name in ("header.json", "_journal/start.json") if name in archive.names), None)
    if head is None:
        raise RequestError(f"'{source.path}' is no log of Inspect AI: it has no header.json")
    header = parse_whole(archive.read(head), source.path)
    names = [name for name in archive.names if name.startswith("samples/") and name.endswith(".json")]
    samples = [parse_whole(archive.read(name), source.path) for name in names]
    if not isinstance(header, dict) or not all(isinstance(sample, dict) for sample in samples):
        raise RequestError(f"'{source.path}' is no log of Inspect AI: a member is no JSON object")
    return header, samples


def _records(
    header: dict[str, Any], samples: list[dict[str, Any]], source: Source, notes: Notes
) -> list[dict[str, Any]]:
    told = header["eval"]
    model = told.get("model")
    config = (header.get("plan") or {}).get("config") or {}
    config = {**(told.get("model_generate_config") or {}), **config}
    shared = {
        "benchmark": _bare(told.get("task") or source.name),
        "policy": model,
        "setting": {key: config[key] for key in SETTING if config.get(key) is not None} or None,
        "run": told.get("eval_id") or told.get("run_id") or source.name,
    }
    scorer = _scorer(samples, source, notes)
    correct = grades_of(samples, scorer, source.path) if scorer else [None] * len(samples)
    records = []
    for sample, grade in zip(samples, correct, strict=True):
        completion = _resolved(_completion(sample), sample)
        record = shared | {
            "problem_id": sample["id"],
            "sample_index": _number(sample.get("epoch")),
            "prompt": _resolved(_text(sample.get("input")), sample),
            "completion": completion,
            "reference_answer": _reference(sample.get("target")),
            "answer": _answer(sample, scorer, completion),
            "correct": grade,
            "elapsed_s": sample.get("working_time") or sample.get("total_time"),
            "finish_reason": _finish(sample),
            **_tokens(sample, model),
        }
        records.append(record)
    failed = sum(1 for sample in samples if sample.get("error"))
    if failed:
        notes.said["samples of Inspect logs ended in an error: they are not graded"] += failed
    return records


def _number(epoch: Any) -> Any:
    return epoch - 1 if isinstance(epoch, int) and not isinstance(epoch, bool) else epoch


def _bare(task: str) -> str:
    """``inspect_evals/gpqa_diamond`` is the task gpqa_diamond."""
    return task.rpartition("/")[2] or task


def _scorer(samples: list[dict[str, Any]], source: Source, notes: Notes) -> str | None:
    names = list(dict.fromkeys(name for sample in samples for name in sample.get("scores") or {}))
    wanted = source.fields.get("correct")
    if wanted is not None and names and wanted not in names:
        raise RequestError(f"'{source.path}' has no scorer '{wanted}': it has {', '.join(names)}")
    chosen = wanted or (names[0] if names else None)
    if len(names) > 1 and chosen is not None:
        notes.said[
            f"samples are graded by the scorer '{chosen}', not by {', '.join(n for n in names if n != chosen)}"
        ] += len(samples)
    return chosen


def _completion(sample: dict[str, Any]) -> str | None:
    output = sample.get("output") or {}
    if output.get("completion"):
        return output["completion"]
    for choice in output.get("choices") or []:
        return _text((choice.get("message") or {}).get("content"))
    return None


def _finish(sample: dict[str, Any]) -> str | None:
    choices = (sample.get("output") or {}).get("choices") or [{}]
    reason = choices[0].get("stop_reason")
    return {"max_tokens": "length", "model_length": "length"}.get(reason, reason)


def _text(content: Any) -> Any:
    """Of a text, of parts of a message, or of a chat."""
    if not isinstance(content, list):
        return content
    texts = [part.get("text") if "text" in part else _text(part.get("content")) for part in content]
    return "\n\n".join(text for text in texts if isinstance(text, str)) or None


def _resolved(text: Any, sample: dict[str, Any]) -> Any:
    attachments = sample.get("attachments") or {}
    if not isinstance(text, str) or not attachments:
        return text
    return re.sub(r"attachment://([0-9a-f]{16,})", lambda found: attachments.get(found[1], found[0]), text)


def _reference(target: Any) -> Any:
    if isinstance(target, list):
        return target[0] if len(target) == 1 else None
    return target if target != "" else None


def _answer(sample: dict[str, Any], scorer: str | None, completion: Any) -> Any:
    """What the scorer took for the answer; some take the whole completion, which is none."""
    answer = ((sample.get("scores") or {}).get(scorer) or {}).get("answer") if scorer else None
    if not isinstance(answer, str) or not answer.strip():
        return None
    whole = isinstance(completion, str) and answer.split() == completion.split()
    folded = isinstance(completion, str) and answer.lower().split() == completion.lower().split()
    return None if (whole or folded) and len(answer.split()) > 1 else answer


def _tokens(sample: dict[str, Any], model: str | None) -> dict[str, Any]:
    """Tokens of the policy, not of a model that graded; the output's with those of reasoning.

    The total says whether the output's count holds those of reasoning already; where there is none,
    the provider does.
    """
    by_model = sample.get("model_usage") or {}
    usage = by_model.get(model) or (next(iter(by_model.values())) if len(by_model) == 1 else None) or {}
    given, output, reasoning = usage.get("input_tokens"), usage.get("output_tokens"), usage.get("reasoning_tokens")
    cached = (usage.get("input_tokens_cache_read") or 0) + (usage.get("input_tokens_cache_write") or 0)
    prompt = None if given is None else given + cached
    if output is not None and reasoning:
        total = usage.get("total_tokens")
        beside = [given + extra + output + reasoning for extra in (0, cached)] if given is not None else []
        within = [given + extra + output for extra in (0, cached)] if given is not None else []
        if (total in beside and total not in within) or (total not in within and counts_beside(model)):
            output += reasoning
        elif reasoning > output:
            output = None  # it contradicts itself
    return {"prompt_tokens": prompt, "completion_tokens": output, "reasoning_tokens": reasoning}
