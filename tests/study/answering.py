"""One side of the comparison, run in a process of its own: `python -m tests.study.answering WAY FILE`.

FILE holds a list of questions, each a command's words and the same question in Python; WAY says which is asked.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def by_command(one: dict[str, Any]) -> Any:
    """What `ttc … --json` prints."""
    from tests.cli.commands import rows

    found = rows(*one["words"], cwd=Path.cwd())
    return found["curves"] if one["ask"] == "graders" else found


def by_python(one: dict[str, Any]) -> Any:
    """What `ttclib.open(...)` and the study's functions give."""
    import ttclib
    from ttclib.study import answers, difficulty, graders, larger, sides
    from ttclib.study.question import question

    study = ttclib.open(one["store"], one["policy"])
    if one["ask"] == "graders":
        return graders.ask_graders(study, one["more"]["compare"].split(",")).result.frame.to_dicts()
    asked = question(**one["question"])
    if one["ask"] == "replay":
        return study.replay(asked).frame.to_dicts()
    if one["ask"] == "difficulty":
        return difficulty.answer(study.pool, asked).as_json()
    if one["ask"] == "frontier":
        return answers.ask_frontier(study, asked, **one["more"]).result.frame.to_dicts()
    if one["ask"] == "efficiency":
        return answers.ask_efficiency(study, asked, **one["more"]).result.frame.to_dicts()
    if one["ask"] == "crossover":
        other = larger.larger_side(one["store"], one["large"], allow_sampled=True)
        return answers.ask_crossover(study, other, asked, one["ratios"]).result.frame.to_dicts()
    second = sides.Side(one["store"], one["large"])
    return sides.compare_sides(study, second, asked).result.frame.to_dicts()


if __name__ == "__main__":
    way = {"command": by_command, "python": by_python}[sys.argv[1]]
    print(json.dumps([way(one) for one in json.loads(Path(sys.argv[2]).read_text())]))
