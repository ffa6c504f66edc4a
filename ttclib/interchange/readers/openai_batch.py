"""Output of a batch API: OpenAI's (chat completions and responses) and those of its form, Anthropic's too.

The question and the right answer are in the batch's input, not here. Of several choices of one request
the usage is their sum, so that the tokens of each stay unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ttclib.interchange.columns import Batch, Notes, batches_of_rows
from ttclib.interchange.readers.naming import add_reasoning
from ttclib.interchange.readers.registry import reader
from ttclib.interchange.sources import Source

# The number of a sample in a custom_id: "aime-7#3", "aime-7-sample-3", "aime-7_s3", "aime-7|3".
_NUMBERED = re.compile(r"(.+?)(?:#|::|\||[-_/:](?:sample|rep|try|seed|epoch|run|s)[-_=]?)(\d+)$")


def _recognises(source: Source) -> bool:
    return (
        source.kind in ("lines", "json")
        and "custom_id" in source.columns
        and bool({"response", "result"} & set(source.columns))
    )


@reader("openai-batch", "output of a batch API: custom_id, response.body", _recognises)
def read_openai_batch(source: Source, notes: Notes) -> Iterator[Batch]:
    """The samples of a batch.

    Raises
    ------
    RequestError
        A line that cannot be read.
    """

    def samples(row: dict[str, Any]) -> list[dict[str, Any]]:
        body = _body(row)
        if body is None:
            notes.said["requests of a batch failed: they are no samples"] += 1
            return []
        return list(_samples(row, body))

    for batch in batches_of_rows(((place, samples(row)) for place, row in source.records()), source.where):
        yield add_reasoning(batch, notes)


def _body(row: dict[str, Any]) -> dict[str, Any] | None:
    """What the model said; None: the request failed."""
    response, result = row.get("response"), row.get("result")
    if isinstance(result, dict):
        return result["message"] if isinstance(result.get("message"), dict) else None
    if row.get("error") or not isinstance(response, dict) or response.get("status_code", 200) != 200:
        return None
    body = response.get("body", response)
    return body if isinstance(body, dict) and ({"choices", "output"} & body.keys()) else None


def _samples(row: dict[str, Any], body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    name = row.get("custom_id")
    numbered = _NUMBERED.fullmatch(name) if isinstance(name, str) else None
    shared: dict[str, Any] = {"problem_id": numbered[1] if numbered else name, "policy": body.get("model")}
    effort = _within(body, "reasoning", "effort") or body.get("reasoning_effort")
    setting = {
        key: value for key, value in (("reasoning_effort", effort), ("temperature", body.get("temperature"))) if value
    }
    shared["setting"] = setting or None
    texts = list(_texts(body))
    usage = body.get("usage") if isinstance(body.get("usage"), dict) else {}
    shared["prompt_tokens"] = _first(usage, "prompt_tokens", "input_tokens")
    if len(texts) == 1:
        shared["completion_tokens"] = _first(usage, "completion_tokens", "output_tokens")
        for details in ("completion_tokens_details", "output_tokens_details"):
            shared.setdefault("reasoning_tokens", _within(usage, details, "reasoning_tokens"))
    for number, (text, reason, more) in enumerate(texts):
        sample = shared | {"completion": text, "finish_reason": reason} | more
        if numbered or len(texts) > 1:
            sample["sample_index"] = (int(numbered[2]) if numbered else 0) * max(len(texts), 1) + number
        yield sample


def _texts(body: dict[str, Any]) -> Iterator[tuple[str | None, str | None, dict[str, Any]]]:
    """Each answer's text, why it ended, and what else is known of it."""
    if isinstance(body.get("choices"), list):
        for choice in body["choices"]:
            message = _within(choice, "message", "content")
            text = _joined(message if message is not None else _within(choice, "text"))
            yield text, _within(choice, "finish_reason"), _apart(choice)
    elif isinstance(body.get("output"), list):
        parts = [part for item in body["output"] for part in (_within(item, "content") or [])]
        yield _joined(parts), body.get("status"), {}
    else:
        yield _joined(body.get("content")), body.get("stop_reason"), {}


def _apart(choice: Any) -> dict[str, Any]:
    """Reasoning that stands apart from the answer, and the log-probability of each token, where a choice has them."""
    message = _within(choice, "message")
    found = {"reasoning": _first(message, "reasoning_content", "reasoning") if isinstance(message, dict) else None}
    tokens = _within(choice, "logprobs", "content")
    if isinstance(tokens, list) and tokens:
        found["token_logprobs"] = [_within(token, "logprob") for token in tokens]
    return {name: value for name, value in found.items() if value is not None}


def _joined(content: Any) -> str | None:
    if isinstance(content, list):
        texts = [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
        return "\n".join(texts) if texts else None
    return content


def _within(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _first(usage: Any, *names: str) -> Any:
    return next((usage[name] for name in names if usage.get(name) is not None), None)
