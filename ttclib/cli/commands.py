"""Every command with the module that has it and its one line of help; a test holds these against the modules."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str]] = {
    "sample": ("collecting", "Draw, score and grade what the store lacks of CONFIG (a TOML file or preset)."),
    "score": (
        "collecting",
        "Score the samples of a pool that CONFIG's PRM has not read, or its judge not as often as it is to.",
    ),
    "features": (
        "collecting",
        "Keep what CONFIG's policy tells of each question before it is sampled: a hidden state, one greedy answer.",
    ),
    "search": ("searching", "Draw, score and grade the steps that CONFIG's tree searches ask for and the store lacks."),
    "revise": (
        "searching",
        "Draw, score and grade what the store lacks of CONFIG's revision chains (its section [revision]).",
    ),
    "grade": ("grading", "Grade what STORE holds and this grader has not graded; no sample is touched."),
    "ingest": (
        "collecting",
        "Take parts that other machines wrote, folders of them, or rows of whole stores, into a store.",
    ),
    "models": (
        "models",
        "List the models that STORE names, with what it knows of them; with --set, state facts about one.",
    ),
    "import": ("exchanging", "Fill a store from files or folders of samples, in any form; - reads standard input."),
    "export": ("exchanging", "Write a store's samples: JSON lines, Parquet, a Hugging Face folder, a training set."),
    "lint": (
        "exchanging",
        "Look for signs that a store's samples are not what they seem; it warns, and changes nothing.",
    ),
    "status": ("status", "What a store holds, and what its last run has left to do."),
    "verify": (
        "copies",
        "Derive every hash, count, class, key, path, part and packed file of STORE anew, and say what is not sound.",
    ),
    "backup": ("copies", "Copy STORE as it is at one moment, parts beside it included, while a run goes on."),
    "merge": ("copies", "Put several stores together into a new one: what is in several stands once."),
    "split": ("copies", "Cut STORE into several by policy, benchmark or problems; merged they are STORE again."),
    "presets": ("planning", "List the configurations that ship, or show one: `ttc presets NAME > mine.toml`."),
    "config": (
        "configuration",
        "Every key of a configuration, with its meaning; or what CONFIG (a TOML file or preset) comes to.",
    ),
    "replay": ("replaying", "Expected accuracy of strategies at budgets, with 95 % intervals and cost."),
    "difficulty": (
        "replaying",
        "How hard each problem is: oracle and predicted bins, how far they agree, and what few samples tell.",
    ),
    "frontier": (
        "frontier",
        "Accuracy against cost: every strategy, and the best choice at most at each cost, by bin and over all.",
    ),
    "plan": (
        "frontier",
        "What to run in which bin within which cost: apply it elsewhere, forecast new problems, or show it.",
    ),
    "solve": (
        "solving",
        "Answer new questions as PLAN says: difficulty first, then what is chosen for it; all that is drawn is kept.",
    ),
    "efficiency": (
        "efficiency",
        "At what cost the best choice is as accurate as the baseline, with and without the bill for difficulty.",
    ),
    "adaptivity": (
        "efficiency",
        "What adaptivity is worth, paid in full: every way to spend beside one choice for all, at equal total cost.",
    ),
    "crossover": ("comparing", "A small policy with test-time compute against a larger one, at equal FLOPs, over R."),
    "inside": (
        "inside",
        "Whether any number of samples of the first side, which answers at once, catches one answer of another.",
    ),
    "train-or-sample": (
        "coverage",
        "The cheapest checkpoint that covers a share of the problems where queries share the training.",
    ),
    "compare": (
        "comparing",
        "Two policies, settings, verifiers or stores, second less first; of one side, strategies at equal cost.",
    ),
    "coverage": ("coverage", "Fit models of pass@k and predict it beyond the pool, with intervals."),
    "verifiers": (
        "replaying",
        "AUC over all samples and within problems, and calibration, of every verifier that scored them.",
    ),
    "gain": (
        "coverage",
        "Coverage or reasoning: what the gain of a policy or setting over another is made of, and where longer fails.",
    ),
    "flywheel": (
        "flywheel",
        "Where problems of each bin go as a policy is trained on its own samples, and the same FLOPs spent otherwise.",
    ),
    "lengths": (
        "coverage",
        "Accuracy of one sample under length caps and by length within a problem; how much its result needed.",
    ),
    "figure": ("starting", "Draw figure NAME of Snell et al. 2024 from a store: snell-1, 3, 4, 6, 7, 8 or 9."),
    "report": ("starting", "Run notebooks with parameters and write HTML pages that open without a network."),
    "notebooks": ("starting", "Copy the notebooks and the stores that they open to DIR."),
    "demo": (
        "starting",
        "Copy the notebooks and stores to DIR and open the first one in JupyterLab: ttc demo DIR --no-browser.",
    ),
    "lab": ("lab", "The family of small models that ships: how it is trained, and the demo made from it."),
}
# Names of before, which say what they are called now.
RENAMED = {"apply-policy": "frontier"}
