"""Sampling from running OpenAI-compatible vLLM servers, so that sampling and analysis need not share a machine.

One request a sample, since each has its own seed; as many under way at each server as configured.
Prompts go as token ids and completions come back as token ids: re-tokenised text would be another
prefix. A server that does not answer is asked again; when it stays silent, the others go on.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
from transformers import AutoConfig, AutoTokenizer

from ttclib.collect.checkpoints import count_parameters_of, first_line, load_failure, model_row
from ttclib.collect.engines.tokens import Tokens
from ttclib.collect.engines.types import Completion, Draw, top_mass
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError

_BUSY = {408, 425, 429, 500, 502, 503, 504}
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 8.0
_TOKEN_ID = "token_id:"


class ServerEngine(Tokens):
    """A causal language model on vLLM servers.

    Parameters
    ----------
    path : str
        Directory or hub id; the tokenizer and the configuration are read from it here.
    policy : PolicyConfig
        `server` says where the servers are.
    prompt : PromptConfig

    Raises
    ------
    RequestError
        No server is configured or answers, or it serves another model.
    """

    def __init__(self, path: str, policy: PolicyConfig, prompt: PromptConfig) -> None:
        self._policy, self._server = policy, policy.server
        if not self._server.urls:
            raise RequestError("engine 'server' needs policy.server.urls: for example [\"http://localhost:8000\"]")
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, revision=policy.revision)
            self._config = AutoConfig.from_pretrained(path, revision=policy.revision)
        except (OSError, ValueError) as error:
            raise load_failure("policy", path, error) from error
        super().__init__(tokenizer, prompt)
        with self._client() as client:
            found = [self._find_model(client, url) for url in self._server.urls]
        self._models = dict(zip(self._server.urls, (name for name, _ in found), strict=True))
        self.window: int | None = min((window for _, window in found if window), default=None)

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""
        return model_row(self._policy, self._config, count_parameters_of(self._config))

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        """One completion for each draw, in order.

        Raises
        ------
        RequestError
            The servers refuse the request, or give no token ids.
        TTCError
            No server answers any more.
        """
        batch = _Batch(draws)
        with self._client() as client:
            workers = [
                threading.Thread(target=self._work, args=(client, url, batch, sampling), daemon=True)
                for url in self._server.urls
                for _ in range(min(self._server.concurrency, len(draws)))
            ]
            for worker in workers:
                worker.start()
            try:
                for worker in workers:
                    worker.join()
            except BaseException:
                batch.stop.set()
                raise
        if batch.refusal is not None:
            raise batch.refusal
        if batch.failure is not None and batch.n_left():
            raise TTCError(f"no server answers any more, {batch.n_left():,} samples are missing: {batch.failure}")
        return [completion for completion in batch.drawn if completion is not None]

    def _client(self) -> httpx.Client:
        key = os.environ.get(self._server.api_key_variable)
        n_requests = self._server.concurrency * len(self._server.urls)
        return httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(self._server.timeout_s, connect=10.0),
            limits=httpx.Limits(max_connections=n_requests, max_keepalive_connections=n_requests),
        )

    def _work(self, client: httpx.Client, url: str, batch: _Batch, sampling: SamplingConfig) -> None:
        """Draw until nothing is left; a server that stays silent gives its samples back to the others."""
        while not batch.stop.is_set():
            try:
                index = batch.waiting.get_nowait()
            except queue.Empty:
                if not batch.n_left():
                    return
                time.sleep(0.02)  # another server may still give samples back
                continue
            try:
                batch.drawn[index] = self._ask(client, url, batch.draws[index], sampling, batch.stop)
            except _SilentError as error:
                batch.waiting.put(index)
                batch.failure = error
                return
            except Exception as error:
                batch.refusal = error if isinstance(error, TTCError) else TTCError(f"server {url}: {first_line(error)}")
                batch.stop.set()

    def _ask(
        self, client: httpx.Client, url: str, draw: Draw, sampling: SamplingConfig, stop: threading.Event
    ) -> Completion:
        # What is not said, a server takes from the checkpoint's generation_config: so all is said.
        request = {
            "model": self._models[url],
            "prompt": list(draw.prefix_ids),
            "max_tokens": draw.max_tokens or sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": -1,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "stop": list(sampling.stop),
            "include_stop_str_in_output": True,
            "logprobs": 20 if sampling.keep_top_mass else 0,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
        }
        if self._server.seeded:
            request["seed"] = draw.seed % 2**31
        answer = self._send(client, "POST", f"{url.rstrip('/')}/v1/completions", request, stop)
        return _completion(answer["choices"][0], url, sampling)

    def _send(
        self, client: httpx.Client, method: str, url: str, content: Any, stop: threading.Event | None = None
    ) -> Any:
        wait_s = _FIRST_WAIT_S
        for attempt in range(self._server.retries + 1):
            try:
                response = client.request(method, url, json=content)
                if response.status_code == 200:
                    return response.json()
                said = _said(response)
                if response.status_code not in _BUSY:
                    raise RequestError(f"server {url} refuses ({response.status_code}): {said}")
            except (httpx.TransportError, ValueError) as error:
                if isinstance(error, RequestError):
                    raise
                said = first_line(error)
            if attempt < self._server.retries and not (stop or threading.Event()).wait(wait_s):
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        raise _SilentError(f"server {url} does not answer ({said}), asked {self._server.retries + 1} times")

    def _find_model(self, client: httpx.Client, url: str) -> tuple[str, int | None]:
        """The model's name at a server, and its window."""
        try:
            cards = self._send(client, "GET", f"{url.rstrip('/')}/v1/models", None)["data"]
        except _SilentError as error:
            raise RequestError(
                f"{error}: start it with `vllm serve {self._policy.path}`, or correct the url"
            ) from error
        served = {card["id"]: card for card in cards}
        wanted = self._server.model or (next(iter(served)) if len(served) == 1 else self._policy.path)
        if wanted not in served:
            raise RequestError(f"server {url} has no model '{wanted}': set policy.server.model to {', '.join(served)}")
        return wanted, served[wanted].get("max_model_len")


class _SilentError(TTCError):
    """A server did not answer, however often it was asked."""


class _Batch:
    """What the threads share: what waits, what was drawn, and what went wrong."""

    def __init__(self, draws: Sequence[Draw]) -> None:
        self.draws = draws
        self.drawn: list[Completion | None] = [None] * len(draws)
        self.waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in range(len(draws)):
            self.waiting.put(index)
        self.stop = threading.Event()
        self.failure: Exception | None = None
        self.refusal: Exception | None = None

    def n_left(self) -> int:
        return sum(completion is None for completion in self.drawn)


def _completion(choice: dict[str, Any], url: str, sampling: SamplingConfig) -> Completion:
    logprobs = choice.get("logprobs") or {}
    ids = choice.get("token_ids")
    if ids is None:
        names = logprobs.get("tokens") or []
        if not names or not all(str(name).startswith(_TOKEN_ID) for name in names):
            raise RequestError(f"server {url} gives no token ids: it must be vLLM, of version 0.10.2 or later")
        ids = [int(name.removeprefix(_TOKEN_ID)) for name in names]
    values = logprobs.get("token_logprobs")
    if values is None or len(values) != len(ids):
        raise RequestError(f"server {url} gives no log-probability for each token: it must be vLLM")
    if choice.get("finish_reason") not in ("stop", "length"):
        raise TTCError(f"server {url} ended a sample with '{choice.get('finish_reason')}'")
    top = logprobs.get("top_logprobs") if sampling.keep_top_mass else None
    return Completion(
        *(list(ids), str(choice["text"]), choice["finish_reason"], float(sum(values))),
        token_logprobs=np.array(values, dtype=float) if sampling.keep_logprobs else None,
        token_top20=None if top is None else np.array([top_mass(at.values()) for at in top]),
    )


def _said(response: httpx.Response) -> str:
    try:
        content = response.json()
        message = content.get("error", content).get("message") or content.get("detail") or response.text
    except (ValueError, AttributeError):
        message = response.text
    return (str(message).strip().splitlines() or ["no reason given"])[0][:300]
