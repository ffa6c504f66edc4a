"""What a policy tells of a question before it is sampled: one pass over its prompt, and one greedy answer."""

from __future__ import annotations

from collections.abc import Sequence

from ttclib.collect.engines.loading import close_engine, load_engine
from ttclib.collect.engines.types import check_window
from ttclib.collect.identity import check_identity, known_policy, record_models
from ttclib.collect.keeper import Notify, start_run
from ttclib.collect.prompt_features import FEATURES, keep
from ttclib.collect.run import check_same_problems
from ttclib.config import RunConfig
from ttclib.errors import RequestError, one_of
from ttclib.problems import Problem, load_problems
from ttclib.store import is_collected, write_part
from ttclib.store.questions import GREEDY, features_held


def features(
    config: RunConfig,
    wanted: Sequence[str] = FEATURES,
    *,
    problems: Sequence[Problem] | None = None,
    notify: Notify = lambda text: None,
) -> int:
    """Keep what the store lacks of the features of the configured problems.

    Parameters
    ----------
    config : RunConfig
        Its policy is loaded in this process, whatever engine samples it.
    wanted : sequence of {"hidden", "greedy"}
    problems : sequence of Problem, optional
        In the place of the configured ones.

    Returns
    -------
    int
        Features kept.

    Raises
    ------
    RequestError
        An API, whose model is not here; problems or model cannot be read; nothing was written.
    """
    for name in wanted:
        one_of(name, FEATURES, "feature")
    if config.policy.engine == "chat":
        raise RequestError(
            f"policy '{config.policy.name}' is behind an API, which tells no hidden state: name a policy whose weights "
            "are at hand, or sample it at temperature 0 for its greedy answer"
        )
    check_identity(config.store, config.policy)
    problems = load_problems(**config.problems.model_dump()) if problems is None else problems
    check_same_problems(config.store, problems)
    lacking = _lacking(config, problems, wanted, notify)
    total = sum(map(len, lacking.values()))
    if not total:
        notify(f"features: the store holds all of '{config.policy.name}' for {len(problems):,} problems")
        return 0
    notify(f"features: {total:,} of {len(problems) * len(wanted):,} to take; loading '{config.policy.path}'")
    policy = known_policy(
        config.store, config.policy.model_copy(update={"engine": "transformers", "data_parallel_size": 1})
    )
    engine = load_engine(policy, config.prompt)
    try:
        prompts = {problem.problem_id: tuple(engine.encode(problem.prompt)) for problem in problems}
        limit = config.sampling.max_tokens if lacking.get(GREEDY) else 1
        check_window(engine.window, max(map(len, prompts.values())), limit)
        setting = config.setting_row()
        record_models(config.store, (config.policy, engine.model_facts()), notify=notify)
        run = start_run(config, "features", [problem.problem_id for problem in problems])
        write_part(config.store, "problems", [problem.row() for problem in problems])
        write_part(config.store, "settings", [setting])
        shared = {"policy": config.policy.name, "setting": setting["setting"], "run_id": run}
        for name, ids in lacking.items():
            keep(engine, config, name, {problem_id: prompts[problem_id] for problem_id in ids}, shared)
    finally:
        close_engine(engine)
    return total


def _lacking(
    config: RunConfig, problems: Sequence[Problem], wanted: Sequence[str], notify: Notify
) -> dict[str, list[str]]:
    """Problems whose feature the store lacks, by feature."""
    held: dict[str, set[str]] = {}
    if is_collected(config.store):
        held = features_held(config.store, config.policy.name, config.setting_row()["setting"], notify=notify)
    return {
        name: [one.problem_id for one in problems if one.problem_id not in held.get(name, set())] for name in wanted
    }
