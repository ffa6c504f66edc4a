"""Samples of lm-evaluation-harness, made by itself: ``pip install lm-eval``, then run this here.

The dummy model says "lol" to everything; the answers of ``sums`` are put in afterwards, as its filter
would have found them.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TASK = """
task: sums
dataset_path: json
dataset_kwargs:
  data_files: {{test: {data}}}
output_type: generate_until
test_split: test
doc_to_text: "{{{{q}}}}"
doc_to_target: "{{{{a}}}}"
repeats: 3
generation_kwargs: {{do_sample: true, temperature: 0.7, until: ["\\n"]}}
filter_list:
  - name: each
    filter:
      - function: regex
        regex_pattern: "([0-9]+)"
      - function: take_first_k
        k: 3
  - name: majority
    filter:
      - function: regex
        regex_pattern: "([0-9]+)"
      - function: majority_vote
      - function: take_first
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
"""

if __name__ == "__main__":
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data.jsonl").write_text('{"q": "1+1=", "a": "2"}\n{"q": "1+2=", "a": "3"}\n')
        (folder / "sums.yaml").write_text(TASK.format(data=folder / "data.jsonl"))
        command = [sys.executable, "-m", "lm_eval", "--model", "dummy", "--include_path", str(folder), "--tasks",
                   "sums", "--log_samples", "--output_path", str(folder / "out")]  # fmt: skip
        subprocess.run(command, check=True)
        rows = [json.loads(line) for line in next((folder / "out").rglob("samples_*.jsonl")).read_text().splitlines()]
    for row in rows:
        answers = ["2", "3", "[invalid]"]
        row["resps"] = [[f"I say {answer}" if answer != "[invalid]" else "lol" for answer in answers]]
        row["filtered_resps"] = [answers] if row["filter"] == "each" else ["2"]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (here / "samples_sums_2026-01-31T12-00-00.000000.jsonl").write_text(text)
