"""The check of a GPU, tried where there is none: on the CPU it compares the CPU with itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from tests import gpu  # noqa: E402


def test_the_check_runs_on_the_cpu_and_finds_it_the_same(capsys) -> None:
    words = ["--device", "cpu", "--problems", "4", "--samples", "4", "--rounds", "1", "--exercises", "40"]
    assert gpu.main(words) == 0
    said = capsys.readouterr().out
    assert said.count("  ok  ") == 5 and "4 of 4 the same" in said and "tokens/s" in said


def test_a_difference_is_told(capsys, monkeypatch) -> None:
    monkeypatch.setattr(gpu, "same_scores", lambda *asked: iter(()))
    monkeypatch.setattr(gpu, "same_training", lambda *asked: iter([(False, "training: apart")]))
    monkeypatch.setattr(gpu, "same_samples", lambda *asked: iter(()))
    monkeypatch.setattr(gpu, "speed", lambda *asked: iter(()))
    assert gpu.main(["--device", "cpu"]) == 1
    assert "DIFFERS training: apart" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_a_line_says_so(capsys) -> None:
    assert gpu.main([]) == 0
    assert capsys.readouterr().out == "gpu: there is none here, nothing was checked\n"


def test_no_database_and_no_frames_are_needed() -> None:
    """A machine with a GPU often has torch and transformers alone."""
    blocked = "import sys\nfor name in ('duckdb', 'polars', 'altair', 'pyarrow.dataset'): sys.modules[name] = None\n"
    done = subprocess.run([sys.executable, "-c", blocked + "import tests.gpu"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
