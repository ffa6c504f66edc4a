"""The engines that tests run on: each is loaded once, whatever asks for it."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

# Where the project's own environment cannot hold vLLM's, another with vLLM runs these tests by themselves.
_NO_VLLM = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed")
ENGINES = [
    "transformers",
    "server",
    "copies",
    pytest.param("vllm", marks=_NO_VLLM),
    pytest.param("vllm-serve", marks=_NO_VLLM),
]
WINDOW = 128


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained policy; vLLM's attention on a CPU wants heads of 32 or more."""
    pytest.importorskip("torch")
    from tests.models import save_tiny_policy

    return save_tiny_policy(
        tmp_path_factory.mktemp("policy"),
        hidden_size=64,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.2,
    )


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest, path: Path) -> Iterator[Any]:
    """The policy, loaded into each engine in turn."""
    from tests.engines.vllm_server import serve
    from ttclib.collect.engines.loading import close_engine, load_engine
    from ttclib.config import PolicyConfig, PromptConfig

    policy: dict[str, Any] = {"name": "tiny", "path": str(path), "dtype": "float32", "training_tokens": 7}
    with ExitStack() as stack:
        if request.param == "vllm":
            # vLLM's CPU build: no compilation, a small cache.
            policy |= {"engine": "vllm", "max_model_len": WINDOW, "gpu_memory_utilization": 0.1}
            policy |= {"engine_options": {"enforce_eager": True}}
        elif request.param == "vllm-serve":
            port = stack.enter_context(vllm_serve(path))
            urls = [f"http://{name}:{port}" for name in ("127.0.0.1", "localhost")]
            policy |= {"engine": "server", "server": {"urls": urls, "seeded": False}}
        elif request.param == "server":
            pytest.importorskip("httpx")
            urls = [stack.enter_context(serve(path)).url for _ in range(2)]
            policy |= {"engine": "server", "server": {"urls": urls}}
        elif request.param == "copies":
            policy |= {"data_parallel_size": 2}
        loaded = load_engine(PolicyConfig.model_validate(policy), PromptConfig())
        stack.callback(close_engine, loaded)
        yield loaded


@contextmanager
def vllm_serve(path: Path, patience_s: float = 300.0) -> Iterator[int]:
    """vLLM's own OpenAI-compatible server, with the port it listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    # Not `vllm serve`, which the CPU build does not start: it looks for a package of the name vllm.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(path), "--port", str(port)]
    command += ["--max-model-len", str(WINDOW), "--dtype", "float32", "--enforce-eager"]
    log = path / "serve.log"
    with log.open("w") as lines:
        process = subprocess.Popen(command, stdout=lines, stderr=lines)
    try:
        ends = time.monotonic() + patience_s
        while not _listens(port):
            assert process.poll() is None, log.read_text()[-3000:]
            if time.monotonic() > ends:
                pytest.skip(f"vLLM's server did not start in {patience_s:.0f} s")
            time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    """vLLM opens its port when the model is loaded."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
