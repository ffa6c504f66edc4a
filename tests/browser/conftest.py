"""A headless Chromium, and a JupyterLab that keeps to its own folders."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.show.stores import make_store

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
# What a model may have written: it must be shown, and not run.
EVIL = "<script>window.__ran = 1</script><img src=x onerror='window.__ran = 2'>\n"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: tests run as root in containers. The rest keeps the browser from calling home.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TOKEN = "only-for-this-test"


@contextmanager
def launched() -> Iterator[Any]:
    """A headless Chromium; skips where there is none."""
    executable = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(CHROMIUM_NAMES)} is in PATH")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with launched() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def demo_like_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("browser") / "demo_like.duckdb", search=True, larger=True, text=EVIL)


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab; `folder` is its root."""

    url: str
    folder: Path

    def api(self, path: str) -> Any:
        request = urllib.request.Request(f"{self.url}/api/{path}", headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def wait_for_kernel(self, notebook: Path, timeout_s: float = 240) -> None:
        """Until a notebook's kernel is idle and the page is connected to it; before that, Run All can be lost."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            kernels = [one["kernel"] for one in self.api("sessions") if one["path"] == notebook.name]
            if any(kernel["execution_state"] == "idle" and kernel["connections"] > 0 for kernel in kernels):
                return
            time.sleep(0.3)
        raise TimeoutError("no kernel became idle")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, demo_like_store: Path) -> Iterator[Lab]:
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
    with running_lab(tmp_path_factory.mktemp("lab"), demo_like_store) as running:
        yield running


@contextmanager
def running_lab(tmp_path: Path, store: Path) -> Iterator[Lab]:
    """JupyterLab on copies of the notebooks whose parameters name one store."""
    folder = tmp_path / "work"
    folder.mkdir()
    for path in NOTEBOOKS.values():
        notebook = json.loads(path.read_text("utf-8"))
        for cell in notebook["cells"]:
            if "parameters" in cell["metadata"].get("tags", []):
                cell["source"] = "".join(cell["source"]) + f"\nstore = {str(store)!r}"
        (folder / path.name).write_text(json.dumps(notebook), encoding="utf-8")
    settings = tmp_path / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "config" / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "config" / "lab" / "workspaces"),
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"),
        *("--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"),
    ]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        running = Lab(f"http://127.0.0.1:{port}", folder)
        try:
            _wait_until_up(running, server, tmp_path / "lab.log")
            yield running
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_up(lab: Lab, server: "subprocess.Popen[bytes]", log: Path, timeout_s: float = 240) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and server.poll() is None:
        try:
            lab.api("status")
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
