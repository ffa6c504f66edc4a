"""Tree searches, compiled: the accounts of a search, and the choice at its end.

The searches themselves are the coroutines of `ttclib.replay.beam`, `dvts` and `rebase`, their accounts `Spending` and
their choice `choose`; what stands here and in `beam_kernel` and `rebase_kernel` comes to the same numbers, from the
arrays of `ttclib.samples.Steps`. What is lacking ends a search, and its coroutine says what it is. Loaded when it is
needed, since importing numba takes longer than most replays.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ttclib.replay.compiling import compiled
from ttclib.replay.listing import TIE
from ttclib.replay.walks import BEST, DONE, LACKING, ODD, WEIGHTED, Grown

_DRAWN, _ROLLED, _PREFILL, _CACHED, _CONTEXT, _KV, _SERIAL = range(7)  # of `Account.whole`
_LONGEST, _N_DRAWN, _ROOT, _ROUND, _SEARCH, _WHOLE = range(7, 13)
_PRM, _SERIAL_PRM, _READ, _LONGEST_READ, _FLOATS = range(5)  # of `Account.reads`


class Account(NamedTuple):
    """What a search has spent, as `ttclib.replay.selection.Spending` counts it.

    `decodes` is for how many tokens a prefix is read in the round that `in_round` names; the other three name the
    search that last had the step as a prefix, had it scored, or returned it. These five count rows from the root on.
    """

    whole: np.ndarray
    reads: np.ndarray
    drawn: np.ndarray
    decodes: np.ndarray
    in_round: np.ndarray
    prefix_of: np.ndarray
    scored_by: np.ndarray
    returned_by: np.ndarray


@compiled
def opened(n_rows: int) -> Account:
    """Accounts for searches one after the other, on trees of so many rows at most."""
    return Account(
        np.zeros(_WHOLE, np.int64),
        np.zeros(_FLOATS),
        np.empty(n_rows, np.int32),
        np.zeros(n_rows, np.int32),
        np.zeros(n_rows, np.int32),
        np.zeros(n_rows, np.int32),
        np.zeros(n_rows, np.int32),
        np.zeros(n_rows, np.int32),
    )


@compiled
def begin(account: Account, root: int) -> None:
    """A search begins on a problem."""
    search, rounds = account.whole[_SEARCH], account.whole[_ROUND]
    for i in range(_WHOLE):
        account.whole[i] = 0
    for i in range(_FLOATS):
        account.reads[i] = 0.0
    account.whole[_SEARCH], account.whole[_ROUND], account.whole[_ROOT] = search + 1, rounds + 1, root


@compiled
def draw(tree: Grown, account: Account, before: int, n_tokens: int) -> None:
    """Tokens are drawn behind a step."""
    whole, prefix = account.whole, tree.upto[before]
    own = n_tokens * (n_tokens - 1) // 2
    whole[_PREFILL] += prefix
    whole[_CONTEXT] += n_tokens * prefix + own
    whole[_KV] += own
    whole[_LONGEST] = max(whole[_LONGEST], n_tokens)
    row = before
    while row >= 0:
        at = row - whole[_ROOT]
        held = account.decodes[at] if account.in_round[at] == whole[_ROUND] else -1
        if held >= n_tokens:
            break
        whole[_KV] += tree.n_tokens[row] * (n_tokens - max(held, 0))
        account.decodes[at], account.in_round[at] = n_tokens, whole[_ROUND]
        if account.prefix_of[at] != whole[_SEARCH]:
            account.prefix_of[at] = whole[_SEARCH]
            whole[_CACHED] += tree.n_tokens[row]
        row = tree.parent[row]


@compiled
def draw_children(tree: Grown, account: Account, before: int, first: int, k: int, into: np.ndarray, at: int) -> bool:
    """Put children `first` to `first` + `k` − 1 of a step into an array; False: one is not there."""
    low, high = tree.begins[before], tree.begins[before + 1]
    place, end = low, high
    while place < end:  # of the first that is numbered `first` or more
        middle = (place + end) // 2
        if tree.child[tree.children[middle]] < first:
            place = middle + 1
        else:
            end = middle
    if place + k > high or tree.child[tree.children[place + k - 1]] != first + k - 1:
        return False
    for i in range(k):
        row = tree.children[place + i]
        into[at + i] = row
        account.drawn[account.whole[_N_DRAWN]] = row
        account.whole[_N_DRAWN] += 1
        account.whole[_DRAWN] += tree.n_tokens[row]
        draw(tree, account, before, tree.n_tokens[row])
    return True


@compiled
def roll_out(tree: Grown, account: Account, before: int, n_steps: int) -> int:
    """The last of up to `n_steps` greedy steps from a step; −1: one is not there."""
    row, n_tokens = before, 0
    for _ in range(n_steps):
        row = tree.greedy[row]
        if row < 0:
            return -1
        n_tokens += tree.n_tokens[row]
        if tree.ends[row]:
            break
    account.whole[_ROLLED] += n_tokens
    draw(tree, account, before, n_tokens)
    return row


@compiled
def all_drawn(account: Account) -> None:
    """A round of draws is over."""
    account.whole[_SERIAL] += account.whole[_LONGEST]
    account.whole[_LONGEST] = 0
    account.whole[_ROUND] += 1


@compiled
def read(tree: Grown, account: Account, row: int) -> bool:
    """The verifier reads a step, unless it has; False: it did not when the tree was collected."""
    at = row - account.whole[_ROOT]
    if account.scored_by[at] != account.whole[_SEARCH]:
        account.scored_by[at] = account.whole[_SEARCH]
        n_tokens, longest = tree.prm_tokens[row], account.reads[_LONGEST_READ]
        account.reads[_READ] += n_tokens
        if math.isnan(n_tokens) or n_tokens > longest:  # once it is NaN it stays so
            account.reads[_LONGEST_READ] = n_tokens
    return tree.known[row]


@compiled
def all_read(account: Account) -> None:
    """A round of readings is over."""
    reads = account.reads
    reads[_PRM] += reads[_READ]
    reads[_SERIAL_PRM] += reads[_LONGEST_READ]
    reads[_READ] = reads[_LONGEST_READ] = 0.0


@compiled
def best_first(tree: Grown, rows: np.ndarray, n: int, keys: np.ndarray, order: np.ndarray) -> None:
    """Put the places of the first `n` rows in order of score, the highest first; of equals the earlier, NaN last."""
    for i in range(n):
        score, at = tree.value[rows[i]], i
        keys[i] = math.inf if math.isnan(score) else -score
        while at > 0 and keys[order[at - 1]] > keys[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i


@compiled
def close(tree: Grown, account: Account, rows: np.ndarray, n: int, selection: int, results: np.ndarray) -> int:
    """A search ends with the first `n` rows: what it comes to, and what it cost."""
    status = _choose(tree, rows, n, selection, results)
    if status != DONE:
        return status
    whole, root, search = account.whole, account.whole[_ROOT], account.whole[_SEARCH]
    for i in range(n):
        row = rows[i]
        while row >= 0 and account.returned_by[row - root] != search:
            account.returned_by[row - root] = search
            row = tree.parent[row]
    pruned = 0
    for i in range(whole[_N_DRAWN]):
        if account.returned_by[account.drawn[i] - root] != search:
            pruned += tree.n_tokens[account.drawn[i]]
    results[2] = whole[_DRAWN] + whole[_ROLLED]
    results[3] = pruned
    results[4] = whole[_ROLLED]
    results[5] = whole[_PREFILL]
    results[6] = whole[_CACHED]
    results[7] = whole[_CONTEXT]
    results[8] = whole[_KV]
    results[9] = account.reads[_PRM]
    results[10] = whole[_SERIAL]
    results[11] = account.reads[_SERIAL_PRM]
    return DONE


@compiled
def _choose(tree: Grown, rows: np.ndarray, n: int, selection: int, results: np.ndarray) -> int:
    """As `graded` and `choose`: what was cut off by the limit of rounds comes last, has no answer, and is wrong."""
    order, n_ended, any_known = np.empty(n, np.int32), 0, False
    for i in range(n):
        if tree.ends[rows[i]]:
            if not tree.is_graded[rows[i]]:
                return LACKING
            any_known |= not math.isnan(tree.correct[rows[i]])
            order[n_ended] = rows[i]
            n_ended += 1
    if n_ended and not any_known:  # the problem has no reference answer
        return DONE
    n_all = n_ended
    for i in range(n):
        if not tree.ends[rows[i]]:
            order[n_all] = rows[i]
            n_all += 1
    # One line a group of solutions that are chosen together: its answer, weight, size, right ones, not graded ones.
    groups, n_groups, top = np.zeros((n + 1, 5)), 0, -math.inf
    for row in order:
        if not math.isnan(tree.value[row]):
            top = max(top, tree.value[row])
    for row in order:
        ended, score = tree.ends[row], tree.value[row]
        answer = tree.answer_class[row] if ended else -1
        if selection == BEST:
            if score != top:  # NaN as well
                continue
            answer, weight = 0, 1.0
        else:
            if answer < 0 or (selection == WEIGHTED and math.isnan(score)):
                continue
            weight = score if selection == WEIGHTED else 1.0
            if weight < 0 or math.isinf(weight):
                return ODD
        at = 0
        while at < n_groups and groups[at, 0] != answer:
            at += 1
        n_groups = max(n_groups, at + 1)
        groups[at, 0] = answer
        groups[at, 1] += weight
        _add(groups, at, tree, row)
    if not n_groups:
        n_groups = 1
        for row in order:
            _add(groups, 0, tree, row)
    top, n_elected, right, unknown = 0.0, 0, 0.0, 0.0
    for at in range(n_groups):
        top = max(top, groups[at, 1])
    for at in range(n_groups):
        if groups[at, 1] >= top * (1 - TIE):
            right += groups[at, 3] / groups[at, 2]
            unknown += groups[at, 4] / groups[at, 2]
            n_elected += 1
    results[0], results[1] = right / n_elected, unknown / n_elected
    return DONE


@compiled
def _add(groups: np.ndarray, at: int, tree: Grown, row: int) -> None:
    correct = tree.correct[row] if tree.ends[row] else 0.0
    groups[at, 2] += 1
    if math.isnan(correct):
        groups[at, 4] += 1
    else:
        groups[at, 3] += correct
