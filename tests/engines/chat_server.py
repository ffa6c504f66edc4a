"""A small API with `/v1/chat/completions`, that can do everything wrong which a server can."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "api-model"
Fault = Callable[["Handler", bytes], None]


def tokens_of(text: str) -> list[str]:
    return re.findall(r"\n|[^\n]{1,3}", text)


class ChatServer(ThreadingHTTPServer):
    """Answers sums, some wrongly, in two steps; the same seed gives the same answer.

    `faults` are worked off one a request; `change` alters every answer, given the request; `fault` befalls every
    request.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        self.kinds: list[str | None] = []  # of what is posted
        self.times: list[float] = []
        self.faults: deque[Fault] = deque()
        self.fault: Fault | None = None
        self.change: Callable[[dict[str, Any], dict[str, Any]], Any] = lambda answer, request: answer
        self.models: Any = {"data": [{"id": MODEL}]}
        self.key: str | None = None
        self.wait_s = 0.0
        self.under_way = self.most_under_way = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def complete(self, request: dict[str, Any]) -> dict[str, Any]:
        question = request["messages"][-1]["content"]
        choices = []
        for number in range(request.get("n", 1)):
            draw = random.Random(f"{request.get('seed', random.random())}/{number}/{question}")
            text = f"so {question.strip()}\n#{draw.randrange(4)}"
            choice: dict[str, Any] = {
                "index": number,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
            if request.get("logprobs"):
                entries = [{"token": piece, "logprob": -0.25} for piece in tokens_of(text)]
                for entry in entries if request.get("top_logprobs") else ():
                    entry["top_logprobs"] = [{"token": "x", "logprob": -0.25}, {"token": "y", "logprob": -2.0}]
                choice["logprobs"] = {"content": entries}
            choices.append(choice)
        n = sum(len(tokens_of(choice["message"]["content"])) for choice in choices)
        usage = {"prompt_tokens": 7, "completion_tokens": n, "total_tokens": 7 + n}
        return {"object": "chat.completion", "model": f"{MODEL}-2026-01-01", "choices": choices, "usage": usage}


class Handler(BaseHTTPRequestHandler):
    server: ChatServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if not self._is_let_in():
            return
        models = self.server.models
        self.reply(404 if models is None else 200, models)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        with self.server.lock:
            self.server.requests.append(request)
            self.server.paths.append(self.path)
            self.server.kinds.append(self.headers.get("Content-Type"))
            self.server.times.append(time.monotonic())
            self.server.under_way += 1
            self.server.most_under_way = max(self.server.most_under_way, self.server.under_way)
            fault = self.server.faults.popleft() if self.server.faults else self.server.fault
        if not self._is_let_in():
            return
        time.sleep(self.server.wait_s)
        with self.server.lock:
            self.server.under_way -= 1
        answer = self.server.change(self.server.complete(request), request)
        with suppress(OSError):  # the client has gone
            if fault is not None:
                fault(self, json.dumps(answer).encode())
            else:
                self.reply(200, answer)

    def _is_let_in(self) -> bool:
        given = self.headers.get("Authorization")
        self.server.keys.append(given)
        if self.server.key is None or given == f"Bearer {self.server.key}":
            return True
        self.reply(401, {"error": {"message": f"Incorrect API key provided: {given}"}})
        return False

    def reply(self, status: int, content: Any, kind: str = "application/json", **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def status(number: int, message: str = "busy", **headers: str) -> Fault:
    """Refuse with a status."""
    return lambda handler, body: handler.reply(number, {"error": {"message": message}}, **headers)


def raw(content: bytes, kind: str = "application/json") -> Fault:
    """Send something else with status 200."""
    return lambda handler, body: handler.reply(200, content, kind)


def truncated(handler: Handler, body: bytes) -> None:
    """Whole by its length, and no JSON."""
    handler.reply(200, body[: len(body) // 2])


def dropped(handler: Handler, body: bytes) -> None:
    """The line goes dead in the midst of an answer."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.close()


def dripping(handler: Handler, body: bytes, wait_s: float = 0.7, *, headers: bool = False) -> None:
    """A byte now and then, for ever; of the headers, or of the body behind them."""
    handler.close_connection = True
    start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    start += b"X-More: " if headers else b"Content-Length: 1000000\r\n\r\n"
    handler.wfile.write(start)
    for _ in range(1000):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(wait_s)


def dripping_headers(handler: Handler, body: bytes) -> None:
    dripping(handler, body, headers=True)


@contextmanager
def serve_chat() -> Iterator[ChatServer]:
    """A server that runs until the end of the block."""
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
