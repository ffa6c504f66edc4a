"""Verifiers: a named source of scores for samples of any shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ttclib.errors import RequestError, one_of
from ttclib.samples.blocks import constant
from ttclib.samples.facts import ModelFacts

AGGREGATIONS = ("last", "min", "prod", "mean")
LOGPROB = "logprob"
PRM, ORM = "prm", "orm"
NAMED_VERIFIERS = (PRM, ORM, LOGPROB)  # or the own name of a verifier in the store


@dataclass(frozen=True)
class Verifier:
    """A named source of scores: what it says of each sample, and what its reading costs.

    Attributes
    ----------
    name : str
    kind : {"prm", "orm", "judge", "logprob", "confidence"}
        A PRM scores steps; an outcome reward model (ORM) gives one score a sample; ``logprob`` is the policy's
        own mean token log-probability, as ``exp`` of it, so that weights are positive.
    scores : mapping of str to float array, the shape of the samples
        By aggregation of the step scores (`AGGREGATIONS`); NaN: not scored.
    prm_tokens : float array, the shape of the samples
        Tokens that it read; NaN: unknown. 0 where reading costs nothing.
    model : ModelFacts or None
    """

    name: str
    kind: str
    scores: Mapping[str, np.ndarray]
    prm_tokens: np.ndarray
    model: ModelFacts | None = None

    def by(self, aggregation: str = "last") -> np.ndarray:
        """One score a sample; NaN: not scored.

        Raises
        ------
        RequestError
            An unknown aggregation.
        """
        return self.scores[one_of(aggregation, AGGREGATIONS, "aggregation")]

    @property
    def tokens_read(self) -> np.ndarray:
        """`prm_tokens`, 0 for a sample that it could not read."""
        return np.where(np.isnan(self.prm_tokens) & np.isnan(self.scores["last"]), 0.0, self.prm_tokens)

    def cut(self, pick: Callable[[np.ndarray], np.ndarray]) -> Verifier:
        """The same on some of the samples, each table cut by `pick`."""
        scores = {how: pick(table) for how, table in self.scores.items()}
        return replace(self, scores=scores, prm_tokens=pick(self.prm_tokens))

    @property
    def label(self) -> str:
        """Its kind and name in words."""
        if self.kind == LOGPROB:
            return "the policy's own log-probability"
        return f"{self.kind.upper() if self.kind in (PRM, ORM) else self.kind} {self.name}"


def own_logprob(mean_logprob: np.ndarray) -> Verifier:
    """The policy's mean token log-probability as a verifier: its ``exp``, which costs no reading.

    Parameters
    ----------
    mean_logprob : float array
        NaN: unknown.
    """
    if any(mean_logprob.strides):
        score = np.exp(mean_logprob)
        score.flags.writeable = False
    else:  # one value throughout, in no memory
        score = constant(float(np.exp(mean_logprob.flat[0])) if mean_logprob.size else np.nan, mean_logprob.shape)
    return Verifier(LOGPROB, LOGPROB, dict.fromkeys(AGGREGATIONS, score), constant(0.0, score.shape))


class Scored:
    """What samples of any shape share: who scored them, and how one of these is meant."""

    store: str
    policy: str
    verifiers: Mapping[str, Verifier]

    def verifier(self, wanted: str = PRM, *, needs_steps: bool = False) -> Verifier:
        """The verifier that is meant by a name.

        Parameters
        ----------
        wanted : str
            ``prm``: the PRM that scored most, an ORM where there is no PRM; ``orm``: the ORM that scored most;
            ``logprob``; or a verifier's own name, which goes first.
        needs_steps : bool
            Whether single steps must be scored, as a search wants it.

        Raises
        ------
        RequestError
            An unknown name, or the store has none of its scores.
        """
        named = self.verifiers.get(wanted)
        if named is None:
            one_of(wanted, dict.fromkeys((*NAMED_VERIFIERS, *self.verifiers)), "verifier")
            kinds = {PRM: (PRM, ORM, "judge", "confidence"), ORM: (ORM, "judge", "confidence")}.get(wanted, ())
            ranked = sorted(
                (one for one in self.verifiers.values() if one.kind in kinds), key=lambda one: kinds.index(one.kind)
            )
            named = ranked[0] if ranked else None
        if named is None or np.isnan(named.by()).all():
            others = ", ".join(name for name, one in self.verifiers.items() if not np.isnan(one.by()).all())
            remedy = "sample it with ttclib, which keeps them" if wanted == LOGPROB else "score it with `ttc score`"
            raise RequestError(
                f"'{self.store}' holds no {wanted} scores for policy '{self.policy}' (verifiers: {others or 'none'}): "
                f"{remedy}"
            )
        if needs_steps and named.kind != PRM:
            raise RequestError(
                f"verifier '{named.name}' scores whole answers, and a search needs a score a step: name a PRM"
            )
        return named

    def has_scores(self, wanted: str = PRM) -> bool:
        """Whether a verifier of that name has scored anything."""
        try:
            self.verifier(wanted)
        except RequestError:
            return False
        return True
