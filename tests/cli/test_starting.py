"""What ships reaches a user: copies of notebooks and stores, a report by name, JupyterLab on the first notebook."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.commands import error_line, ttc
from ttclib.shipped import shipped_files

ROOT = Path(__file__).resolve().parents[2]


def test_copies_are_the_notebooks_and_what_they_open(tmp_path: Path) -> None:
    done = ttc("notebooks", "mine", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {path.name for path in (tmp_path / "mine").glob("*.ipynb")} == names
    assert (tmp_path / "mine" / "store" / "demo.duckdb.xz").is_file()
    # A notebook's own path to its store leads there.
    ran = ttc("status", "store/smollm2.duckdb", cwd=tmp_path / "mine")
    assert ran.returncode == 0 and "smollm2-135m" in ran.stdout
    changed = tmp_path / "mine" / "00_start.ipynb"
    changed.write_text("mine")
    again = ttc("notebooks", "mine", cwd=tmp_path)
    assert changed.read_text() == "mine" and "kept as they are, for they differ: 00_start.ipynb" in again.stderr
    assert ttc("notebooks", "mine", "--force", cwd=tmp_path).returncode == 0 and changed.read_text() != "mine"


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot write to 'file/in'" in error_line(ttc("notebooks", "file/in", cwd=tmp_path))


@pytest.mark.slow
def test_a_report_goes_by_the_name_of_a_notebook(tmp_path: Path) -> None:
    pytest.importorskip("papermill")
    store = ROOT / "store" / "smollm2.duckdb"
    done = ttc("report", "08_samples", "-p", f"store={store}", "--output", "page.html", cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "page.html").stat().st_size > 1000
    assert "'09_sample' does not exist" in error_line(ttc("report", "09_sample", cwd=tmp_path))


@pytest.mark.slow
def test_the_demo_opens_jupyterlab_on_the_first_notebook(tmp_path: Path) -> None:
    pytest.importorskip("jupyterlab")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "ttclib.cli", "demo", "here", "--no-browser", "--allow-root"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        assert child.stderr is not None
        try:
            said = next(line for line in child.stderr if "http://" in line and "token=" in line)
        finally:
            os.killpg(child.pid, signal.SIGKILL)
    assert "00_start.ipynb" in said and (tmp_path / "here" / "00_start.ipynb").is_file()


@pytest.mark.slow
def test_the_wheel_brings_them(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    built = subprocess.run(words, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = {Path(name).name for name in zipfile.ZipFile(wheel).namelist()}
    for folder, pattern in (("notebooks", "*.ipynb"), ("store", "*.xz")):
        assert {path.name for path in shipped_files(folder, pattern)} <= inside
    assert "py.typed" in inside
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    found = subprocess.run(
        [sys.executable, "-c", "from ttclib.shipped import shipped_files as f; print(len(f('notebooks', '*.ipynb')))"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout.strip() == str(len(shipped_files("notebooks", "*.ipynb"))), found.stderr
