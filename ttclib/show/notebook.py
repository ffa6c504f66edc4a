"""What the notebooks share: opening a store as a notebook means it, and saying what was found and what is missing.

A notebook must run on any store, also on one with a single policy, without scores, without search. So a
cell that may lack something runs under `missing_is_said`, and takes what an earlier cell could not
read through `need`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

from ttclib.analysis.worth_reading import samples_to_read
from ttclib.errors import RequestError, TTCError
from ttclib.show import theme
from ttclib.show.browser import Sizes, browser_html
from ttclib.show.chart_view import linking_html
from ttclib.show.html_tables import plain_table_html
from ttclib.show.page import NOT_IN_STORE
from ttclib.show.samples import samples_html as shown_samples
from ttclib.store.choosing import as_key
from ttclib.store.contents import PolicyContents
from ttclib.store.contents import contents as read_contents
from ttclib.store.kept import Kept, store_state
from ttclib.store.rounds import load_rounds
from ttclib.store.texts import load_texts
from ttclib.study.browsing import browse
from ttclib.study.opening import find_store
from ttclib.study.question import Question, question
from ttclib.study.sides import open_larger as open_larger
from ttclib.study.sides import references as references
from ttclib.study.study import Study, smallest_policy
from ttclib.study.study import open as open_store
from ttclib.study.study import policies_with_samples as policies_with_samples

# What the first notebooks compare, whatever else a store holds: every strategy a line would be too many.
SAMPLING = ("pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n")


SPARE = 25  # times the samples to be shown that are looked at, as equal texts of a problem are shown once
# Of a kernel's last studies what was replayed is not replayed again, also by the next notebook of a suite.
_STUDIES: Kept[Study] = Kept(lambda study: 1, largest=2)
_QUIET = "color:var(--jp-content-font-color2,#5a5a5a);margin:2px 0"


class AlreadySaid(RequestError):
    """What a cell needs is not there, and an earlier cell has said so."""


def begin() -> None:
    """Draw every chart of this session in ttclib's theme; in JupyterLab a click in one is the selection of all."""
    theme.use()
    from IPython.core.getipython import get_ipython

    if getattr(get_ipython(), "kernel", None) is not None:
        show(linking_html())


def open_study(
    store: str | Path,
    policy: str | Sequence[str] | None = None,
    *,
    benchmark: str | None = None,
    setting: Mapping[str, Any] | str | None = None,
) -> Study:
    """A study of one policy, or of several side by side, from a store as a notebook names it.

    Parameters
    ----------
    store : str or pathlib.Path
        A relative path is looked for in the current folder and those above.
    policy : str or sequence of str, optional
        None: the smallest that has samples, which is the one that search and revisions are for.
    benchmark : str, optional
        None: where the policies answered several, that which most policies of the store did.
    setting : mapping of key to value, optional
        ``"*"`` for a value: all settings with it, side by side; ``"*"`` alone: all.

    Raises
    ------
    RequestError
        No such store, policy, benchmark or setting.
    """
    path = find_store(store)

    def read() -> Study:
        whose = policy or smallest_policy(store)
        return open_store(store, whose, benchmark=benchmark or _most_answered_by(store, whose or ()), setting=setting)

    named = policy if policy is None or isinstance(policy, str) else tuple(policy)
    return _STUDIES.get((str(store), str(path.absolute()), named, benchmark, as_key(setting)), store_state(path), read)


def most_answered(store: str | Path) -> str | None:
    """The benchmark that most policies of a store answered."""
    found = [one.benchmark for one in contents(store) if one.n_samples or one.n_counted]
    return max(dict.fromkeys(found), key=found.count, default=None)


def _most_answered_by(store: str | Path, policy: str | Sequence[str]) -> str | None:
    """Of several benchmarks that some policies answered the one that most policies did; None: there are not several."""
    names = {policy} if isinstance(policy, str) else set(policy)
    answered = [(one.policy, one.benchmark) for one in contents(store) if one.n_samples or one.n_counted]
    own = dict.fromkeys(benchmark for name, benchmark in answered if name in names)
    every = [benchmark for _, benchmark in dict.fromkeys(answered)]
    return max(own, key=every.count) if len(own) > 1 else None


def ask(**values: Any) -> Question:
    """A question whose strategies are left out, and said, where the store does not hold them."""
    return question(lacking="leave out", **values)


@contextmanager
def missing_is_said() -> Iterator[None]:
    """Show what a store lacks as a sentence in the output instead of a failing cell.

    Only what ttclib itself says is caught: anything else is a mistake and fails the cell. A lack is said once: a cell
    that `need` stops says quietly that it was.
    """
    try:
        yield
    except AlreadySaid as error:
        show(f'<p class="ttc-none" style="{_QUIET}">{escape(str(error))}</p>')
    except TTCError as error:
        show(callout(str(error)))


def need(value: Any, what: str) -> Any:
    """The value, or where it is None an error that `missing_is_said` shows quietly, as an earlier cell has said why.

    Raises
    ------
    AlreadySaid
        The value is None.
    """
    if value is None:
        raise AlreadySaid(f"Left out for want of {what}, as said above.")
    return value


def tell(answer: Any) -> None:
    """Display what was found, then what was left out."""
    show(findings_html(answer.findings, answer.notes))


def tell_each(answers: Sequence[Any]) -> None:
    """Display what each of several answers found first, then what was left out of any."""
    notes = dict.fromkeys(note for one in answers for note in one.notes)
    show(findings_html([one.findings[0] for one in answers], notes))


def findings_html(findings: Sequence[str], notes: Iterable[str] = ()) -> str:
    """Findings as sentences that stand out, and below them what was left out; all of it is escaped."""
    said = "".join(f"<li>{_coded(sentence)}</li>" for sentence in findings)
    listed = f'<ul class="ttc-findings" style="font-weight:600;line-height:1.5;max-width:60em">{said}</ul>'
    left = "".join(f"<li>{_coded(note)}</li>" for note in notes)
    below = f'<ul class="ttc-notes" style="font-size:13px;line-height:1.5;max-width:60em">{left}</ul>' if left else ""
    return (listed if findings else "") + below


def samples_html(study: Study, kind: str, limit: int, *, verifier: str, aggregation: str) -> str:
    """The samples most worth reading of a kind (`ttclib.analysis.worth_reading.samples_to_read`), steps coloured."""
    pool = study.pool
    read = pool.verifier(verifier) if kind != "any" or pool.has_scores(verifier) else None
    cells = samples_to_read(pool, kind, verifier=verifier, aggregation=aggregation, limit=SPARE * limit)
    once = {(text.problem_id, text.completion): text for text in reversed(load_texts(pool, cells, read))}
    return shown_samples(list(reversed(once.values()))[:limit])


def sample_browser(
    study: Study,
    *,
    verifier: str,
    aggregation: str,
    kind: str = "any",
    problem: str | None = None,
    max_megabytes: float = 4.0,
) -> str:
    """Samples to filter, sort and read (`ttclib.study.browsing.browse`), here and in the page, which needs no kernel.

    Parameters
    ----------
    kind : str
        What it opens with: ``high_scored_wrong``, ``low_scored_right``, or else all.
    problem : str, optional
        Only of this one.
    max_megabytes : float
        At most so much is taken into the page.

    Raises
    ------
    NotInStore
        The store holds no texts.
    RequestError
        No such problem.
    """
    room = max_megabytes * 1e6
    found = browse(study, verifier=verifier, aggregation=aggregation, problem=problem, max_bytes=room, size=Sizes())
    return browser_html(found, kind)


def callout(text: str, title: str = NOT_IN_STORE) -> str:
    """HTML of a sentence that stands out; the text is escaped."""
    return (
        '<div class="ttc-callout" role="note" style="border-left:4px solid #E69F00;background:rgba(230,159,0,.08);'
        'padding:6px 12px;margin:6px 0;line-height:1.5;max-width:52em">'
        f"<b>{escape(title)}.</b> {_coded(text)}</div>"
    )


def _coded(text: str) -> str:
    """A sentence with what stands in backticks set as code; all of it is escaped.

    Examples
    --------
    >>> _coded("`ttc score` <it>")
    '<code>ttc score</code> &lt;it&gt;'
    """
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def show(html: str) -> None:
    """Display HTML that is escaped already."""
    from IPython.display import HTML, display

    display(HTML(html))


def contents(store: str | Path) -> list[PolicyContents]:
    """What a store holds, from its name as a notebook gives it."""
    return read_contents(find_store(store))


def contents_html(found: list[PolicyContents]) -> str:
    """What a store holds, as a table."""
    heads = ("policy", "parameters", "setting", "problems", "samples", "graded", "verifier", "tree steps", "revisions")
    # Columns that say nothing of this store would push the last ones out of sight.
    told = [True, True, True, True, True, any(one.n_graded != (one.n_samples or one.n_counted) for one in found),
            any(one.verifiers for one in found), any(one.n_nodes for one in found),
            any(one.n_revisions for one in found)]  # fmt: skip
    rows = [
        (
            one.policy,
            "–" if one.n_parameters is None else f"{one.n_parameters:,}",
            _setting(one),
            *(f"{number:,}" if number else "–" for number in (one.n_problems, one.n_samples or one.n_counted)),
            f"{one.n_graded:,}" if one.n_graded else "–",
            ", ".join(one.verifiers) or "–",
            *(f"{number:,}" if number else "–" for number in (one.n_nodes, one.n_revisions)),
        )
        for one in found
    ]
    shown = [at for at, telling in enumerate(told) if telling]
    names = [place for place, at in enumerate(shown) if at in (0, 2, 6)]
    kept = [[row[at] for at in shown] for row in rows]
    caption = "" if told[5] else "All samples are graded."
    return plain_table_html([heads[at] for at in shown], kept, names=names, caption=caption)


def _setting(one: PolicyContents) -> str:
    keys = {name: value for name, value in one.setting.keys.items() if name in ("temperature", "reasoning_effort")}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in keys.items()) or "–"


def questions_html(store: str | Path) -> str:
    """The notebooks, what each asks, and whether a store can answer it."""
    path = find_store(store)
    found = read_contents(path)
    sampled = [one for one in found if one.n_samples or one.n_counted]
    has = {
        "samples": bool(sampled),
        "scores": any(one.verifiers for one in sampled),
        "tree steps": any(one.n_nodes for one in found),
        "revisions": any(one.n_revisions for one in found),
        "two policies": len({one.policy for one in sampled}) > 1,
        "two policies of known size": len({one.policy for one in sampled if one.n_parameters}) > 1,
        "training rounds": bool(load_rounds(path)),
        "two settings": len({(one.policy, one.benchmark) for one in sampled}) < len(sampled),
    }
    rows = []
    for name, (asks, needs) in QUESTIONS.items():
        lacking = [what for what in needs if not has[what]]
        fits = f"✓{', once its policies are named' if name in NAMED else ''}"
        answer = fits if not lacking else f"lacks {' and '.join(lacking)}"
        rows.append(
            f'<tr><td class="name"><a href="{name}.ipynb">{name}</a></td><td class="name">{escape(asks)}</td>'
            f'<td class="name">{escape(answer)}</td></tr>'
        )
    heads = ("notebook", "asks", "this store")
    # Made as an empty table and filled, as only these cells hold links.
    return plain_table_html(heads, [], names=(0, 1, 2)).replace("<tbody></tbody>", f"<tbody>{''.join(rows)}</tbody>")


QUESTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "01_replay": ("What would more samples have bought, and how should one be picked?", ("samples",)),
    "02_difficulty": ("How hard are the problems, and who can tell?", ("samples",)),
    "03_search": ("Does searching step by step beat drawing whole answers?", ("samples", "scores", "tree steps")),
    "04_revisions": ("Is an answer better for having seen the last one?", ("revisions",)),
    "05_frontier": ("Which strategy is best at which budget, and what does it all cost?", ("samples",)),
    "06_crossover": ("A larger model, or a small one that thinks longer?", ("samples", "two policies")),
    "07_scaling_fits": ("What would ten times as many samples cover?", ("samples",)),
    "08_samples": ("What did the model write, and where does the verifier err?", ("samples", "scores")),
    "09_compare_stores": ("How do two policies or two verifiers differ?", ("samples",)),
    "10_which_model": ("Which model, how often, for the same money?", ("samples", "two policies")),
    "11_think_longer": ("Think longer, or sample more?", ("samples", "two settings")),
    "12_open_models": ("Of open families, a small model many times or a larger one once?", ("two policies",)),
    "13_train_or_sample": ("Train a model longer, or sample a smaller one more?", ("two policies of known size",)),
    "14_graders": ("How far does the choice of a grader move every curve?", ("samples",)),
    "15_does_knowing_pay": ("Does knowing what is hard pay for itself?", ("samples",)),
    "16_coverage_or_reasoning": ("What is a gain made of: better answers, or new ones?", ("two settings",)),
    "17_from_replay_to_live": ("Does a plan come, live, to what replay promised?", ("samples",)),
    "18_the_flywheel": ("Does training on what sampling finds make hard problems easier?", ("training rounds",)),
    "19_inside_or_outside": ("Do samples make up for steps inside the answer?", ("two policies",)),
}
# Those whose parameters name policies, which are of the stores that ship.
NAMED = {"10_which_model", "11_think_longer", "12_open_models", "16_coverage_or_reasoning", "19_inside_or_outside"}
