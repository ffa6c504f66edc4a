"""The columns of every result, by subject."""

from __future__ import annotations

from typing import Any

import polars as pl

from ttclib.analysis.column import Column

_INT, _FLOAT, _TEXT, _FLAG = pl.Int64, pl.Float64, pl.String, pl.Boolean
_CI = ("ci_low", "ci_high")


def _share(name: str, meaning: str, label: str = "", *, ends: tuple[str, str] | None = _CI, **more: Any) -> Column:
    return Column(name, _FLOAT, meaning, "share", label, ends=ends, **more)


def _count(name: str, meaning: str, label: str = "", **more: Any) -> Column:
    return Column(name, _INT, meaning, "count", label, **more)


OWN: tuple[Column, ...] = (
    # What a row is about.
    Column("strategy", _TEXT, "how the samples are used; compute_optimal chooses by difficulty", "name"),
    Column(
        "variant", _TEXT, "the strategy with those of its parameters that differ from the default", "name", "strategy"
    ),
    Column("policy", _TEXT, "the model that was sampled"),
    Column("setting", _TEXT, "how it was sampled: the decoding settings by name", null="default"),
    Column("many", _TEXT, "the cheaper side, which answers N times", label="several of"),
    Column("once", _TEXT, "the dearer side, which answers once", label="or one of"),
    Column("verifier", _TEXT, "whose scores select"),
    Column("grader", _TEXT, "who told right answers from wrong ones"),
    Column("aggregation", _TEXT, "how the scores of steps become one"),
    Column("problem_id", _TEXT, "the problem", label="problem"),
    Column("bin", _INT, "difficulty bin, 1 the easiest; null: all problems", "bin", null="all"),
    Column("group", _INT, "difficulty bin, 1 the easiest; null: all problems", "bin", "bin", null="all"),
    Column("n_bins", _FLOAT, "difficulty bins that had problems, on average", "quantity", "bins"),
    Column("difficulty", _TEXT, "what told the difficulty: oracle or predicted"),
    Column("budget", _INT, "N, the generations that a problem may take", "count", "budget N"),
    Column("k", _INT, "samples looked at", "count"),
    # Accuracy and its precision.
    _share("accuracy", "share of problems that are answered right, in expectation"),
    Column("ci_low", _FLOAT, "lower end of the interval", "share", "from"),
    Column("ci_high", _FLOAT, "upper end of the interval", "share", "to"),
    Column(
        "mc_error", _FLOAT, "standard error of the accuracy from random subsets; 0: exact", "share", "simulation error"
    ),
    _count("n_problems", "problems that the row is about", "problems"),
    _count("n_samples", "samples of each problem", "samples"),
    Column("ungraded", _FLOAT, "share of the samples that could not be graded", "share"),
    Column("n_bins", _FLOAT, "bins that so few samples can part, on average over draws", "quantity", "bins"),
    # Spending.
    Column("generations", _FLOAT, "expected generations a problem", "quantity"),
    Column("tokens", _FLOAT, "expected tokens a problem", "quantity", "tokens / problem", "tokens"),
    Column("flops", _FLOAT, "expected FLOPs a problem", "quantity", "FLOPs / problem", "FLOPs"),
    Column("cost", _FLOAT, "expected cost a problem, in the ledger's unit", "quantity"),
    Column("at_most", _FLOAT, "the cost that the choice was allowed", "quantity", "at most"),
    Column("per", _TEXT, "what keeps the limit: every problem of a bin, or all on average", "name", "limit per"),
    Column("pareto", _FLAG, "no strategy that could be run is as accurate for less", "flag", "on the frontier"),
    Column("chosen", _TEXT, "the strategy that the optimiser chose there", "name", "chosen there"),
    Column("optimism", _FLOAT, "what choosing on the scored problems themselves would have added", "points"),
    Column("given_up", _FLOAT, "accuracy that the plan's preference for the cheap costs", "points", "given up"),
    _count("tied", "candidates that come to the best accuracy exactly"),
    # Savings.
    Column(
        "baseline_cost",
        _FLOAT,
        "what the baseline needs for that accuracy",
        "quantity",
        "baseline needs",
        null="never reaches it",
    ),
    Column("factor", _FLOAT, "baseline cost over cost: above 1 choosing saves", "times", ends=_CI),
    Column("factor_low", _FLOAT, "lower end of the factor's interval", "times", "from"),
    Column("factor_high", _FLOAT, "upper end of the factor's interval", "times", "to"),
    Column("open_low", _FLAG, "in some resamples the choice never gets there: no lower end", "flag", "open below"),
    Column("open_high", _FLAG, "in some resamples the choice starts above: no upper end", "flag", "open above"),
    Column("unreached", _FLOAT, "share of resamples in which the baseline never gets there", "share"),
    Column("billed_cost", _FLOAT, "cost with what knowing the difficulty costs", "quantity", "cost with the bill"),
    Column(
        "billed_factor",
        _FLOAT,
        "baseline cost over billed cost",
        "times",
        "with the bill",
        ends=("billed_low", "billed_high"),
    ),
    Column("billed_low", _FLOAT, "lower end of the billed factor's interval", "times", "from"),
    Column("billed_high", _FLOAT, "upper end of the billed factor's interval", "times", "to"),
    Column(
        "break_even_queries",
        _FLOAT,
        "queries of a problem after which the bill is paid",
        "quantity",
        "pays after queries",
        null="never",
    ),
    Column("queries", _FLOAT, "queries that share what is paid once: the training, or what tells difficulty", "count"),
    _count("n_probes", "samples spent on telling the difficulty", "probes", null="whole pool"),
    Column("probes", _FLOAT, "samples spent on telling the difficulty, of a problem", "quantity"),
    # Two sides.
    _share("first", "accuracy of the first side", ends=None),
    _share("second", "accuracy of the second side", ends=None),
    Column("difference", _FLOAT, "second less first, or strategy less baseline", "points", ends=_CI),
    Column("difference_low", _FLOAT, "lower end of the difference's interval", "points", "from"),
    Column("difference_high", _FLOAT, "upper end of the difference's interval", "points", "to"),
    Column("cost_once", _FLOAT, "what one answer of the dearer side costs", "quantity", "one costs"),
    _share("accuracy_many", "accuracy of the cheaper side's N answers", "N reach", ends=None),
    _share("accuracy_once", "accuracy of the dearer side's one answer", "one reaches", ends=None),
    _share("coverage", "chance that one of the N answers is right: a perfect verifier's", "coverage", ends=None),
    Column("exchange_rate", _FLOAT, "R, tokens of inference over tokens of pretraining", "ratio", "R"),
    Column(
        "multiplier",
        _FLOAT,
        "c, how many answers the small model may spend for one of the larger",
        "times",
        "small may spend",
    ),
    _share("accuracy_small", "accuracy of the small model with test-time compute", "small, thinking", ends=None),
    _share("accuracy_large", "accuracy of the larger model", "larger", ends=None),
    Column(
        "relative_gain",
        _FLOAT,
        "difference over the larger model's accuracy",
        "change",
        "relative gain",
        ends=("gain_low", "gain_high"),
    ),
    Column("gain_low", _FLOAT, "lower end of the relative gain's interval", "change", "from"),
    Column("gain_high", _FLOAT, "upper end of the relative gain's interval", "change", "to"),
    Column("pair", _TEXT, "a smaller and a larger model of one family"),
    Column("task", _TEXT, "the benchmark, in words"),
    Column("neighbours", _FLAG, "no model of the family lies between the two", "flag"),
    Column("param_ratio", _FLOAT, "M, parameters of the larger model over those of the small one", "ratio", "M"),
    Column(
        "estimate",
        _FLOAT,
        "the difference with all attempts that R pays for, by a fit",
        "points",
        "estimated",
        ends=("estimate_low", "estimate_high"),
    ),
    Column("estimate_low", _FLOAT, "lower end of the estimate's interval", "points", "from"),
    Column("estimate_high", _FLOAT, "upper end of the estimate's interval", "points", "to"),
    Column(
        "attempts",
        _FLOAT,
        "attempts of the small model: those used, or those that equal one answer of the larger",
        "quantity",
        ends=("attempts_low", "attempts_high"),
        null="more than the pool",
    ),
    Column("attempts_low", _FLOAT, "lower end of the attempts' interval", "quantity", "from"),
    Column("attempts_high", _FLOAT, "upper end of the attempts' interval", "quantity", "to"),
    Column(
        "winner",
        _TEXT,
        "small or large, many or once, or too close; null: the store cannot tell",
        "text",
        "ahead",
        null="not answerable",
    ),
    Column(
        "pool_ends_at",
        _FLOAT,
        "dearest candidate in the store, where more would be allowed",
        "quantity",
        "pool ends at",
    ),
    Column("crossing", _FLOAT, "R above which the larger model is ahead", "ratio", "crossing at R", ends=_CI),
    Column("supported", _FLAG, "whether the samples support a crossing", "flag"),
    Column("verdict", _TEXT, "what the numbers say, in words"),
    Column("defined_from", _FLOAT, "the smallest R that the pool can answer", "ratio", "answerable from R ="),
    Column(
        "pool_reaches_from",
        _FLOAT,
        "smallest R at which the pool holds all that may be spent",
        "ratio",
        "pool suffices from R =",
    ),
    # Training.
    Column("n_parameters", _INT, "parameters of the model", "size", "parameters"),
    Column("training_tokens", _INT, "tokens of its training", "size", "trained on"),
    Column(
        "from_queries",
        _FLOAT,
        "queries from which on a model of at least this size is cheapest",
        "quantity",
        "from queries",
        ends=_CI,
    ),
    Column("target", _FLOAT, "share of the problems that is to be covered", "share"),
    Column("training_share", _FLOAT, "share of the cost that is training", "share", "of this training"),
    Column("supported_share", _FLOAT, "share of resamples in which this size is cheapest", "share", "in resamples"),
    Column("holds", _FLAG, "whether the interval holds what was measured", "flag"),
    # Difficulty.
    _share("oracle", "pass@1: share of the problem's samples that are right", "pass@1"),
    Column("predicted", _FLOAT, "what is predicted: a mean verifier score, or coverage by a fitted model", "score"),
    Column("oracle_bin", _INT, "bin by oracle difficulty", "bin", "bin by oracle"),
    Column("predicted_bin", _INT, "bin by predicted difficulty", "bin", "bin by prediction"),
    Column("told_by", _TEXT, "what told the difficulty"),
    _count("n_correct", "right samples of the problem", "right"),
    _count("n_answers", "answers: of a chain those graded, of a problem the different ones", "answers"),
    Column("ease_from", _FLOAT, "lowest pass@1 of the bin", "share", "pass@1 from"),
    Column("ease_low", _FLOAT, "lowest pass@1 in the bin", "share", "pass@1 from"),
    Column("ease_mean", _FLOAT, "mean pass@1 in the bin", "share", "mean"),
    Column("ease_high", _FLOAT, "highest pass@1 in the bin", "share", "to"),
    _count("n_never", "problems that no sample solves", "never solved"),
    _count("n_always", "problems that every sample solves", "always solved"),
    _count("n_tied", "problems as hard as one of another bin", "tied with another bin"),
    Column("kind", _TEXT, "oracle: told by grades; predicted: told by scores", label="told by"),
    Column("spearman", _FLOAT, "rank correlation with the whole pool's pass@1", "score", "rank correlation", ends=_CI),
    _share("same_bin", "share of problems in the same bin", "same bin"),
    _share("within_one", "share of problems at most one bin apart", "at most one off"),
    # Verifiers.
    Column("auc", _FLOAT, "chance that a right sample scores above a wrong one", "score", "AUC", ends=_CI),
    Column("auc_within", _FLOAT, "the same, of one problem's samples", "score", "AUC within problems", ends=_CI),
    Column("calibration_error", _FLOAT, "mean distance of score and share right", "score", "calibration error"),
    Column("mean_score", _FLOAT, "mean score of the samples", "score", "mean score"),
    _count("n_mixed", "problems with right and wrong samples", "mixed problems"),
    # Revisions.
    _count("position", "place in the chain, 0 the answer that saw no other", "answer"),
    Column("change", _TEXT, "correct_to_wrong or wrong_to_correct", label="the next answer made"),
    _share("share", "share of the neighbouring answers"),
    _count("n_changed", "pairs that changed so", "changed"),
    _count("n_pairs", "pairs of neighbouring answers that could", "of pairs"),
    _count("sequential", "answers in a chain"),
    _count("parallel", "chains"),
    # Searches.
    Column("path", _TEXT, "the step: child numbers from the root", label="step"),
    Column("parent", _TEXT, "the step before"),
    _count("depth", "steps from the root", "step"),
    _count("round", "round in which it was drawn", "drawn in round"),
    Column("score", _FLOAT, "the verifier's score of the step", "score"),
    Column("status", _TEXT, "returned, continued or pruned"),
    Column("correct", _FLOAT, "1 right, 0 wrong, null not graded", "grade", "answer"),
    Column("of", _TEXT, "a search, or samples drawn whole", "name"),
    _count("n_right", "right solutions", "right"),
    _count("n_wrong", "wrong solutions", "wrong"),
    _share("repeats_step", "share of wrong solutions that say a step twice", "wrong: a step twice"),
    _share("few_steps", "share of wrong solutions of one or two steps", "wrong: 1–2 steps"),
    Column("mean_steps_wrong", _FLOAT, "mean steps of wrong solutions", "ratio", "steps of wrong"),
    Column("mean_steps_right", _FLOAT, "mean steps of right solutions", "ratio", "of right"),
    # What a gain is made of.
    Column("side", _TEXT, "the policy or setting, by what tells it from the others"),
    Column("first_side", _TEXT, "the side that a gain is measured from", label="of"),
    Column("second_side", _TEXT, "the side that gains", label="over"),
    Column("measure", _TEXT, "what is compared: accuracy, its parts, coverage or how varied the answers are", "name"),
    # Models of coverage, and limits of length.
    Column("model", _TEXT, "the model of coverage that was fitted"),
    Column("within_pool", _FLAG, "whether k lies within the pool", "flag", "within the pool"),
    _share("measured", "measured coverage"),
    Column("measured_on", _TEXT, "the samples that it was measured on", label="measured on"),
    Column("miss", _FLOAT, "predicted less measured coverage", "points"),
    Column("miss_sd", _FLOAT, "standard deviation of the miss over halvings", "points", "standard deviation"),
    _count("cap", "largest number of tokens of an answer", "at most tokens"),
    _share("answered", "share of samples that end within the cap"),
    _count("length_group", "of a problem's samples: 1 the shortest, the last the longest", "length"),
    Column("relative_length", _FLOAT, "mean tokens over the mean of the problem's samples", "times", "of its mean"),
    Column(
        "deviation", _FLOAT, "accuracy less the mean of the problem's samples", "points", "above its mean", ends=_CI
    ),
)
