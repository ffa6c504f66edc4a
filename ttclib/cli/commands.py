"""Every command with the module that has it and its one line of help; a test holds these against the modules."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str]] = {
    "sample": ("collecting", "Draw, score and grade what the store lacks of CONFIG (a TOML file or preset)."),
    "score": ("collecting", "Score what the store lacks scores of, with CONFIG's PRM."),
    "search": ("searching", "Draw, score and grade the steps that CONFIG's tree searches ask for and the store lacks."),
    "revise": ("revising", "Draw, score and grade what the store lacks of CONFIG's revision chains."),
    "grade": ("grading", ""),
    "import": ("exchanging", ""),
    "export": ("exchanging", ""),
    "status": ("collecting", ""),
    "presets": ("planning", ""),
    "replay": ("replaying", ""),
    "difficulty": ("difficulty", ""),
    "frontier": ("frontier", ""),
    "plan": ("frontier", ""),
    "efficiency": ("efficiency", ""),
    "crossover": ("crossover", ""),
    "compare": ("comparing", ""),
    "coverage": ("coverage", ""),
    "verifiers": ("verifiers", ""),
    "lengths": ("lengths", ""),
    "report": ("reporting", ""),
    "lab": ("lab", ""),
}
# Names of before, which say what they are called now.
RENAMED = {"apply-policy": "frontier"}
