"""What commands answer, kept in `tests/cli/told/`, a text a request, read by a person when it is written.

To write it anew after an answer was changed, and see in the diff what that did: `python -m tests.cli.told`.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.cli.asked import ASKED, PLANS, RICH, VOTES
from tests.cli.asked_stores import make_asked, make_sides
from tests.cli.commands import ttc
from tests.kept_texts import write_anew

KEPT = Path(__file__).parent / "told"
QUICK = "--resamples 20"
SAID = {
    **{name: f"{name} {words}" for name, words in ASKED.items() if name not in ("models", "status", "verify", "lint")},
    "replay by bin": f"replay {RICH} {VOTES} --bins 2",
    "frontier, allocation": f"frontier {RICH} {VOTES} --at-most 2,4 --allocation {QUICK}",
    "efficiency, cheap": f"efficiency {RICH} {VOTES} --cheap 1,2 {QUICK}",
    "crossover, beyond": f"crossover {ASKED['crossover']} --beyond",
    "inside, training": "inside family.duckdb --policy direct,steps --training --few-shot direct-shown",
    "compare, matched": f"compare {RICH} {VOTES} --budgets 1,4",
    "compare, once": f"compare rich.duckdb --policy small,large --setting temperature=0.8 {VOTES} --once",
    "coverage, held out": "coverage checkpoints.duckdb --held-out",
    "coverage, misses": f"coverage {RICH} --models power_law --misses",
}


def told(folder: Path, words: str) -> str:
    """What a person is shown of an answer, and what JSON and CSV call its parts."""
    shown = ttc(*words.split(), cwd=folder, COLUMNS="100")
    whole = json.loads(ttc(*words.split(), "--json", cwd=folder).stdout)
    parts = [f"$ ttc {words}", shown.stdout, "On standard error:", shown.stderr, "JSON:", *_parts(whole)]
    table = ttc(*words.split(), "--csv", cwd=folder)
    if table.returncode == 0:
        parts.append(f"CSV: {table.stdout.partition(chr(10))[0]}")
    return "\n".join(part.rstrip() for part in parts) + "\n"


def _parts(whole: object, name: str = "") -> list[str]:
    if isinstance(whole, dict):
        return [line for key, value in whole.items() for line in _parts(value, f"{name}{key}: ")]
    if isinstance(whole, list) and whole and isinstance(whole[0], dict):
        return [f"  {name}{len(whole)} rows of {', '.join(whole[0])}"]
    return [f"  {name}{type(whole).__name__}"]


def prepare(folder: Path) -> Path:
    """The stores and plans that are asked."""
    make_sides(folder)
    make_asked(folder)
    for name, words in PLANS.items():
        ttc(*words.split(), "--export-plan", name, cwd=folder)
    return folder


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        at = prepare(Path(place))
        write_anew(KEPT, {name: told(at, words) for name, words in SAID.items()})
