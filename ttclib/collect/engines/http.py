"""Asking servers by HTTP: what waits is shared out among them, and what a server does wrong costs a sample at most.

A request has a deadline that counts every byte, since a server may send one now and then for ever. One that is busy,
drops the line or sends what is no JSON is asked again, later each time, or when it says (`Retry-After`). One that stays
silent gives its samples to the others. What was drawn is handed over whatever happens to the rest.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Generic, TypeVar, cast

import httpx

from ttclib.collect.checkpoints import first_line
from ttclib.collect.engines.responses import MalformedError, json_of, told_wait, words_of
from ttclib.collect.engines.types import HOPELESS, LostError, RefusedError, Stopped, Unfinished
from ttclib.config import ServerConfig
from ttclib.errors import RequestError, TTCError

_BUSY = {408, 425, 429, 500, 502, 503, 504, 529}
_OF_ONE = {400, 413, 422, 451}  # a request that is refused for what is in it; another may pass
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 8.0
_LONGEST_TOLD_WAIT_S = 900.0  # that a server may ask of one sample, in all
_LARGEST_BODY = 64 << 20

T = TypeVar("T")
Read = Callable[[Any], T]
Ask = Callable[["Line", Sequence[int]], Awaitable[dict[int, T | LostError]]]


class SilentError(TTCError):
    """A server did not answer, however often it was asked."""


class Servers:
    """Some servers that serve one model.

    Attributes
    ----------
    bases : tuple of str
        Their addresses.
    remarks : collections.Counter
        What was not as it should be, with the number of samples of which it is true.

    Raises
    ------
    RequestError
        The key in the environment cannot be one.
    """

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.bases = config.bases()
        self.remarks: Counter[str] = Counter()
        self._busy_until: dict[str, float] = {}
        self._key = (os.environ.get(config.api_key_variable) or "").strip()
        if not (self._key.isascii() and self._key.replace(" ", "").isprintable()):
            raise RequestError(
                f"the key in {config.api_key_variable} holds characters that no key has: copy it once more"
            )

    def get(self, base: str, path: str, read: Read[T]) -> T:
        """Ask one server one thing.

        Raises
        ------
        SilentError, LostError, RequestError
        """

        async def one(client: httpx.AsyncClient) -> T:
            return await Line(self, client, base).send("GET", path, None, read)

        return self._run(one)

    def draw(self, groups: Sequence[Sequence[int]], n_draws: int, ask: Ask[T]) -> list[T]:
        """Draw everything, by all servers at once.

        Parameters
        ----------
        groups : sequence of sequences of int
            Numbers of draws that are asked for in one request.
        ask : callable
            Asks a server for a group: each draw, or why it is lost. What the answer lacks is asked for again.

        Returns
        -------
        list
            One for each draw.

        Raises
        ------
        Unfinished
            Some could not be drawn.
        Stopped
            By a person; some were drawn.
        RequestError, TTCError
            None could be drawn.
        """
        batch: _Batch[T] = _Batch(groups, n_draws)

        async def all_of_it(client: httpx.AsyncClient) -> None:
            n_workers = min(self.config.concurrency, len(groups))
            await asyncio.gather(
                *(_work(Line(self, client, base), batch, ask) for _ in range(n_workers) for base in self.bases)
            )

        try:
            self._run(all_of_it)
        except KeyboardInterrupt:
            if batch.n_drawn:
                raise Stopped(list(batch.drawn)) from None
            raise
        reason = batch.why_unfinished()
        if reason is None:
            return [one for one in batch.drawn if one is not None]
        if not batch.n_drawn:
            raise reason
        goes_on = batch.fatal is None and not batch.waiting
        raise Unfinished(str(reason), list(batch.drawn), goes_on=goes_on) from reason

    def _run(self, work: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
        """Run it in a loop of its own, in a thread of its own: a notebook has one running already."""
        done: list[T] = []
        failed: list[BaseException] = []
        running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

        async def whole() -> None:
            running.append((asyncio.get_running_loop(), cast("asyncio.Task[Any]", asyncio.current_task())))
            async with self._client() as client:
                done.append(await work(client))

        def run() -> None:
            try:
                asyncio.run(whole())
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            thread.join()
        except BaseException:
            for loop, task in running:
                with suppress(RuntimeError):  # it has just ended
                    loop.call_soon_threadsafe(task.cancel)
            thread.join(5)
            raise
        if failed:
            raise failed[0]
        return done[0]

    def _client(self) -> httpx.AsyncClient:
        n_requests = self.config.concurrency * len(self.bases)
        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx.Timeout(None, connect=10.0),  # the deadline of `send` counts the rest
            verify=_certificates(),
            limits=httpx.Limits(max_connections=n_requests, max_keepalive_connections=n_requests),
        )

    async def until_it_takes_requests(self, base: str) -> None:
        """Wait where a server told any worker to; they come back one after the other."""
        while (left := self._busy_until.get(base, 0.0) - time.monotonic()) > 0:
            await asyncio.sleep(left * random.uniform(1.0, 1.1))

    def let_all_wait(self, base: str, wait_s: float) -> None:
        """Nobody asks a server again before this long."""
        self._busy_until[base] = max(self._busy_until.get(base, 0.0), time.monotonic() + wait_s)

    def hidden(self, text: str) -> str:
        """A text without the key, which some servers repeat."""
        return text.replace(self._key, "…") if self._key else text

    def about_key(self) -> str:
        """Where the key comes from."""
        has = "holds a key" if self._key else "is not set"
        return f"the environment variable {self.config.api_key_variable} {has}; policy.server.api_key_variable names it"


class Line:
    """One worker's line to a server."""

    def __init__(self, servers: Servers, client: httpx.AsyncClient, base: str) -> None:
        self.servers, self.base = servers, base
        self._client = client

    async def send(self, method: str, path: str, content: Any, read: Read[T]) -> T:
        """Send a request until it is answered, and read the answer.

        Parameters
        ----------
        method, path : str
            The path follows the server's address.
        read : callable
            Makes what is wanted of the answer's JSON; raises `MalformedError` where it cannot be made.

        Raises
        ------
        SilentError
            No answer, or none in order.
        LostError
            None in time; or this request is refused for what it holds.
        RequestError
            The server refuses all such requests.
        """
        config, url = self.servers.config, self.base + path
        body = None if content is None else json.dumps(content).encode()
        wait_s, left_s, told_s, n_failed = _FIRST_WAIT_S, config.timeout_s, 0.0, 0
        while True:
            pause_s: float | None = None
            malformed = False
            await self.servers.until_it_takes_requests(self.base)
            began = time.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    status, headers, answer = await self._exchange(method, url, body)
                if status == 200:
                    return read(json_of(headers, answer))
                said = f"{status}: {self.servers.hidden(words_of(answer))}"
                if status not in _BUSY:
                    raise self._refusal(status, url, said)
                pause_s = told_wait(headers)
            except TimeoutError:
                raise LostError(
                    f"server {url} took longer than {config.timeout_s:g} s (policy.server.timeout_s)"
                ) from None
            except MalformedError as error:
                malformed, said = True, self.servers.hidden(first_line(error))
            except (httpx.TransportError, httpx.DecodingError) as error:
                said = self.servers.hidden(first_line(error))
            left_s -= time.monotonic() - began
            if pause_s is None:
                n_failed += 1
                if n_failed > config.retries or left_s <= 0:
                    kind = LostError if malformed else SilentError
                    does = "answers nothing that can be read" if malformed else "does not answer"
                    raise kind(f"server {url} {does} ({said}), asked {n_failed} times")
                await asyncio.sleep(wait_s * random.uniform(0.75, 1.25))
            else:
                told_s += (pause_s := max(pause_s, wait_s))
                if told_s > _LONGEST_TOLD_WAIT_S:
                    raise SilentError(f"server {url} asks to wait {pause_s:,.0f} s ({said})")
                self.servers.let_all_wait(self.base, pause_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _exchange(self, method: str, url: str, body: bytes | None) -> tuple[int, httpx.Headers, bytes]:
        headers = {} if body is None else {"Content-Type": "application/json"}
        async with self._client.stream(method, url, content=body, headers=headers) as response:
            answer = bytearray()
            async for piece in response.aiter_bytes():
                answer += piece
                if len(answer) > _LARGEST_BODY:
                    raise MalformedError(f"an answer of more than {_LARGEST_BODY >> 20} MB")
            return response.status_code, response.headers, bytes(answer)

    def _refusal(self, status: int, url: str, said: str) -> TTCError:
        text = f"server {url} refuses ({said[:3]}): {said[5:]}"
        if status in (401, 403):
            return RequestError(f"{text}; {self.servers.about_key()}")
        if 300 <= status < 400:
            return RequestError(f"{text}; it is elsewhere: correct policy.server.urls")
        return RefusedError(text) if status in _OF_ONE else RequestError(text)


async def _work(line: Line, batch: _Batch[T], ask: Ask[T]) -> None:
    """Draw until nothing is left; a server that stays silent gives its samples back to the others."""
    while batch.fatal is None:
        if not batch.waiting:
            if not batch.n_under_way:
                return
            await asyncio.sleep(0.02)  # another server may still give samples back
            continue
        group = batch.waiting.popleft()
        batch.n_under_way += 1
        try:
            found = await ask(line, group)
        except SilentError as error:
            batch.waiting.append(group)
            batch.silent = error
            return
        except LostError as error:
            batch.lose(group, error)
        except TTCError as error:
            batch.fatal = error
        except Exception as error:  # what no server was seen to do; what was drawn is kept
            batch.fatal = TTCError(f"server {line.base}: {type(error).__name__}: {first_line(error)}")
        else:
            for index, one in found.items():
                if isinstance(one, LostError):
                    batch.lose([index], one)
                else:
                    batch.drawn[index] = one
                    batch.n_drawn += 1
            if rest := [index for index in group if index not in found]:
                batch.waiting.append(rest)
        finally:
            batch.n_under_way -= 1


class _Batch(Generic[T]):
    """What the workers share: what waits, what was drawn, and what went wrong."""

    def __init__(self, groups: Sequence[Sequence[int]], n_draws: int) -> None:
        self.waiting: deque[Sequence[int]] = deque(groups)
        self.drawn: list[T | None] = [None] * n_draws
        self.n_drawn = self.n_under_way = self.n_lost = 0
        self.silent: TTCError | None = None
        self.lost: TTCError | None = None
        self.fatal: TTCError | None = None

    def lose(self, group: Sequence[int], error: LostError) -> None:
        """Leave out some samples; where all are refused, whatever is in the request is to be corrected."""
        self.n_lost += len(group)
        self.lost = self.lost or error
        if not self.n_drawn and self.n_lost >= HOPELESS:
            self.fatal = self.lost

    def why_unfinished(self) -> TTCError | None:
        """What is to be said of the samples that are missing; None: none is."""
        n_missing = len(self.drawn) - self.n_drawn
        if not n_missing:
            return None
        if self.fatal is not None:
            return self.fatal
        if self.waiting:
            return TTCError(f"no server answers any more, {n_missing:,} samples are missing: {self.silent}")
        return self.lost


@cache
def _certificates() -> ssl.SSLContext:
    """Who is trusted; it takes longer to read than a request takes."""
    return httpx.create_ssl_context()
