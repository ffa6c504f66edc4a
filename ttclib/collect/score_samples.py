"""Scoring: what the configured verifier has not read of a policy's samples."""

from __future__ import annotations

from ttclib.collect.checkpoints import missing_package
from ttclib.collect.keeper import Keeper, Notify, start_run
from ttclib.collect.progress import progress
from ttclib.collect.steps import split_steps
from ttclib.config import RunConfig
from ttclib.errors import RequestError
from ttclib.store import connect, write_part

_SCORED_AT_ONCE = 4096


def score(config: RunConfig, *, notify: Notify = lambda text: None) -> int:
    """Score the samples of the configured policy that the configured PRM has not read.

    Parameters
    ----------
    config : RunConfig
    notify : callable

    Returns
    -------
    int
        Samples scored.

    Raises
    ------
    RequestError
        No PRM is configured or it cannot be loaded.
    """
    if config.prm is None:
        raise RequestError("no PRM is configured: add a section [prm] with its path")
    setting = config.setting_row()["setting"]
    key = [config.policy.name, setting]
    with connect(config.store, notify=notify) as con:
        todo = con.execute(
            """SELECT problem_id, sample_index, prompt, completion FROM samples JOIN problems USING (problem_id)
               ANTI JOIN (SELECT * FROM scores WHERE verifier = $3) USING (policy, problem_id, setting, sample_index)
               WHERE policy = $1 AND setting = $2 AND completion IS NOT NULL
               ORDER BY length(prompt), problem_id, sample_index""",
            [*key, config.prm.name],
        ).fetchall()
    if not todo:
        notify(f"score: '{config.prm.name}' has read all samples of '{config.policy.name}'")
        return 0
    notify(f"score: {len(todo):,} samples to score; loading '{config.prm.path}'")
    try:
        from ttclib.collect.verifiers import load_prm
    except ImportError as error:
        raise missing_package("transformers", error) from error
    prm = load_prm(config.prm)
    run = start_run(config, "score")
    write_part(config.store, "models", [{"model": config.prm.name, **prm.model_facts()}])
    keeper = Keeper(config.store)
    with progress("score", len(todo), "samples") as tell:
        for begin in range(0, len(todo), _SCORED_AT_ONCE):
            batch = todo[begin : begin + _SCORED_AT_ONCE]
            solutions = [(prompt, completion) for *_, prompt, completion in batch]
            encoded = {  # what several samples say, once
                (prompt, completion): prm.encode(prompt, split_steps(completion, config.sampling.step_delimiter))
                for prompt, completion in set(solutions)
            }
            read = prm.score([encoded[solution] for solution in solutions])
            keeper.keep(
                "scores",
                [
                    {
                        "policy": config.policy.name,
                        "problem_id": problem_id,
                        "setting": setting,
                        "sample_index": index,
                        "verifier": config.prm.name,
                        "step_scores": scores.step_scores,
                        "prm_tokens": scores.prm_tokens,
                        "run_id": run,
                    }
                    for (problem_id, index, *_), scores in zip(batch, read, strict=True)
                ],
            )
            tell(begin + len(batch))
    return len(todo)
