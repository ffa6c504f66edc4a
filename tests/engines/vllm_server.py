"""A small HTTP server with the shape of vLLM's `/v1/completions`, and a real model behind it."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch

from ttclib.collect.engines.transformers import TransformersEngine
from ttclib.collect.engines.types import Draw
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig

NAME = "served"


class VllmServer(ThreadingHTTPServer):
    """Serves a checkpoint; `busy` answers are refused first, and `answer_change` alters each answer."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.engine = TransformersEngine(str(path), PolicyConfig(name="x", path=str(path)), PromptConfig())
        self.lock = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self.busy = 0
        self.answer_change: dict[str, Any] = {}
        self.changes: deque[dict[str, Any]] = deque()  # of one answer each, in place of the above
        self.models: Any = {"data": [{"id": NAME, "max_model_len": self.engine.window}]}
        self.under_way = self.most_under_way = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def complete(self, request: dict[str, Any]) -> dict[str, Any]:
        """As vLLM answers, for a single prompt of token ids."""
        sampling = SamplingConfig(
            max_tokens=request["max_tokens"],
            temperature=request["temperature"],
            top_p=request["top_p"],
            stop=tuple(request["stop"]),
        )
        prefix = tuple(request["prompt"])
        with self.lock:
            (drawn,) = self.engine.generate([Draw(prefix, request["seed"])], sampling)
            with torch.inference_mode():
                logits = self.engine.model(torch.tensor([[*prefix, *drawn.token_ids]])).logits[0].float()
        logprobs = torch.log_softmax(logits, dim=-1)
        at = [logprobs[len(prefix) - 1 + i, token].item() for i, token in enumerate(drawn.token_ids)]
        choice: dict[str, Any] = {
            "index": 0,
            "text": drawn.text,
            "finish_reason": drawn.finish_reason,
            "logprobs": {"token_logprobs": at, "tokens": [f"token_id:{token}" for token in drawn.token_ids]},
            "token_ids": drawn.token_ids,
        }
        change = self.changes.popleft() if self.changes else self.answer_change
        return {"object": "text_completion", "model": NAME, "choices": [choice | change]} | change.get("answer", {})


class _Handler(BaseHTTPRequestHandler):
    server: VllmServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(200, self.server.models)

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(request)
            self.server.under_way += 1
            self.server.most_under_way = max(self.server.most_under_way, self.server.under_way)
            refused = self.server.busy > 0
            self.server.busy -= refused
        try:
            window = self.server.engine.window or 0
            if refused:
                self._send(503, {"error": {"message": "starting"}})
            elif len(request["prompt"]) + request["max_tokens"] > window:
                self._send(
                    400, {"error": {"message": f"This model's maximum context length is {window} tokens.\nMore"}}
                )
            else:
                self._send(200, self.server.complete(request))
        finally:
            with self.server.lock:
                self.server.under_way -= 1

    def _send(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serve(path: Path) -> Iterator[VllmServer]:
    """A server that runs until the end of the block."""
    server = VllmServer(path)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
