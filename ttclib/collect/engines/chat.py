"""Sampling from any API with `/v1/chat/completions`: no tokenizer, no token ids, no continuing of what was begun.

A problem is asked in turns and comes back as text, with its reasoning apart where the API gives it, and with token
counts as the API bills them. What it does not say stays unknown, and what cannot be is left out and told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ttclib.collect.engines.http import Line, Servers, SilentError
from ttclib.collect.engines.responses import choices_of, finite_logprobs, is_text, printable, top_masses, whole_number
from ttclib.collect.engines.tokens import chat_turns
from ttclib.collect.engines.types import TOP, Draw, LostError, Reply
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError

_FAILED = ("abort", "error")  # ends of a sample by the server, not by the model
_CUT = "length"


class ChatEngine:
    """A model behind an API.

    Parameters
    ----------
    policy : PolicyConfig
        Its path is the model's name there, its `revision`, if any, what the API must call itself.

    Attributes
    ----------
    served_as : str or None
        What the API called itself in its answers, such as a dated version of the name it was asked by.
    remarks : collections.Counter
        What it did not say rightly, with the number of samples that lack it.

    Raises
    ------
    RequestError
        Nothing answers there, or not with this key.
    """

    tokenizer: None = None
    window: int | None = None

    def __init__(self, policy: PolicyConfig, prompt: PromptConfig) -> None:
        self._policy, self._server, self._format = policy, policy.server, prompt
        self._model = policy.server.model or policy.path
        self._servers = Servers(policy.server)
        self.remarks = self._servers.remarks
        self.served_as = policy.revision
        for base in self._servers.bases:
            self._look(base)

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name: nothing but what the configuration says."""
        return {"training_tokens": self._policy.training_tokens}

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a prompt: none are known here."""
        return []

    def token_texts(self, token_ids: Sequence[int]) -> list[str]:
        """The text of each token: as many as ids are known, which is none."""
        return []

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Reply]:
        """One reply for each draw, in order.

        Raises
        ------
        Unfinished
            Some are missing: the API answers no more, another model does, or one answer cannot be kept.
        RequestError
            It refuses every request.
        TTCError
            None could be drawn.
        """

        async def ask(line: Line, group: Sequence[int]) -> dict[int, Reply | LostError]:
            asked = [draws[index] for index in group]
            answer = await line.send("POST", "/chat/completions", self._request(asked, sampling), _with_choices)
            self._check_who_answers(answer, line.base)
            replies = self._replies(answer, line.base, len(group), sampling)
            return dict(zip(group, replies, strict=False))

        return self._servers.draw(list(_groups(draws, self._server.choices)), len(draws), ask)

    def _request(self, asked: Sequence[Draw], sampling: SamplingConfig) -> dict[str, Any]:
        first = asked[0]
        request: dict[str, Any] = {
            "model": self._model,
            "messages": chat_turns(first.prompt, self._format),
            self._server.max_tokens_key: first.max_tokens or sampling.max_tokens,
            **{name: getattr(sampling, name) for name in ("temperature", "top_p") if name not in self._server.omit},
            **sampling.asked_keys(),
        }
        if sampling.stop:
            request["stop"] = list(sampling.stop)
        if self._server.seeded:
            request["seed"] = first.seed % 2**31
        if len(asked) > 1:
            request["n"] = len(asked)
        if sampling.keep_logprobs or sampling.keep_top_mass:
            request["logprobs"] = True
        if sampling.keep_top_mass:
            request["top_logprobs"] = TOP
        if self._format.chat_template_kwargs:
            request["chat_template_kwargs"] = self._format.chat_template_kwargs
        return request

    def _check_who_answers(self, answer: dict[str, Any], base: str) -> None:
        """Refuse a model that is not the one whose samples these are to be."""
        said = answer.get("model")
        if not is_text(said) or not said or not said.isprintable():
            return
        if self.served_as is None:
            self.served_as = said
        elif said != self.served_as:
            raise RequestError(
                f"server {base} answers '{self._model}' as '{said[:100]}' and did as '{self.served_as}' before: they "
                "may be two models; ask for one of them by its own name, under a policy.name of its own"
            )

    def _replies(
        self, answer: dict[str, Any], base: str, n_asked: int, sampling: SamplingConfig
    ) -> list[Reply | LostError]:
        """What is kept of an answer, at most as many as were asked for, or why one cannot be."""
        choices = choices_of(answer)
        if len(choices) > n_asked:
            self._remark("came with more choices than were asked for, which are left out", n_asked)
        if len(choices) < n_asked:
            self._remark("were asked for together and came in several answers", n_asked)
        usage = answer["usage"] if isinstance(answer.get("usage"), dict) else {}
        told = [_TokensTold(choice, sampling) for choice in choices]
        counts = self._counts(usage, told)
        reasoning_tokens = whole_number(_within(usage, "completion_tokens_details", "reasoning_tokens"))
        if len(choices) > 1 or counts[0] is None or (reasoning_tokens or 0) > counts[0]:
            if len(choices) == 1 and counts[0] is not None:
                self._remark("say more tokens of reasoning than of all: their count is unknown")
                counts = [None]
            reasoning_tokens = None
        found: list[Reply | LostError] = []
        for choice, tokens, n_tokens in zip(choices[:n_asked], told, counts, strict=False):
            try:
                read = whole_number(usage.get("prompt_tokens"))
                found.append(self._reply(choice, base, tokens, n_tokens, read, reasoning_tokens))
            except LostError as error:
                found.append(error)
        return found

    def _counts(self, usage: dict[str, Any], told: Sequence[_TokensTold]) -> list[int | None]:
        """Output tokens of each choice, reasoning included; of several the usage is their sum."""
        counts: list[int | None] = [None] * len(told)
        output, total, prompt = (
            whole_number(usage.get(name)) for name in ("completion_tokens", "total_tokens", "prompt_tokens")
        )
        if output is not None and total is not None and prompt is not None:
            # Some count reasoning beside the output, and all in the total.
            output = total - prompt if total >= prompt + output else None
        if output is None:
            self._remark("came without a count of their tokens that could be: it is unknown", len(told))
        elif len(told) == 1:
            counts = [output]
        elif sum(one.n or 0 for one in told) == output and all(one.n for one in told):
            counts = [one.n for one in told]
        else:
            self._remark("came several in an answer, which counts their tokens together: theirs are unknown", len(told))
        return counts

    def _reply(
        self,
        choice: dict[str, Any],
        base: str,
        told: _TokensTold,
        n_tokens: int | None,
        prompt_tokens: int | None,
        reasoning_tokens: int | None,
    ) -> Reply:
        """A sample as it is kept.

        Raises
        ------
        LostError
            The server broke it off, or it says nothing.
        """
        message = choice["message"] if isinstance(choice.get("message"), dict) else {}
        reason = choice.get("finish_reason")
        if reason in _FAILED:
            raise LostError(f"server {base} ended a sample with '{reason}'")
        if not is_text(reason) or not reason:
            self._remark("came without a word of why they ended")
            reason = None
        text, reasoning = _texts_of(message)
        if text is None and reason != "content_filter":
            if reason != _CUT and not reasoning:
                raise LostError(f"server {base} gave a sample without text (it ended with {printable(reason, 40)!r})")
            text = ""  # it thought until the limit, or had nothing to add
        if text is not None and not is_text(text):
            self._remark("hold half a character (a lone surrogate): their text is unknown")
            text = None
        if reasoning is not None and not is_text(reasoning):
            self._remark("hold half a character (a lone surrogate) in their reasoning, which is unknown")
            reasoning = None
        if not n_tokens and (text or reasoning) and n_tokens is not None:
            self._remark("say that they have no tokens: their count is unknown")
            n_tokens = None
        if told.is_wrong:
            self._remark("came with log-probabilities that are none: theirs are unknown")
        elif told.logprobs is not None and told.n != n_tokens:
            self._remark("came with log-probabilities of some of their tokens alone, which are left out")
        whole = told.logprobs is not None and told.n == n_tokens
        return Reply(
            text=text,
            finish_reason=reason,
            reasoning=reasoning or None,
            prompt_tokens=prompt_tokens,
            completion_tokens=n_tokens,
            reasoning_tokens=reasoning_tokens,
            token_texts=told.texts if whole and told.texts is not None and "".join(told.texts) == text else None,
            logprob=float(told.logprobs.sum()) if whole and told.logprobs is not None else None,
            token_logprobs=told.logprobs if whole and told.keep else None,
            token_top20=told.top if whole else None,
        )

    def _remark(self, what: str, n: int = 1) -> None:
        self.remarks[what] += n

    def _look(self, base: str) -> None:
        """Ask for the list of models, which costs nothing, to see that somebody answers, and to this key."""
        try:
            self._servers.get(base, "/models", lambda answer: answer)
        except SilentError as error:
            raise RequestError(f"{error}: correct policy.server.urls, or start it") from error
        except RequestError as error:
            if "(401)" in str(error) or "(403)" in str(error):
                raise
        except TTCError:  # not every API lists its models; whether it knows this one, it says when it is asked
            return


class _TokensTold:
    """What an API tells of a choice's tokens: none, as many as it gives, or something that is no such list."""

    def __init__(self, choice: dict[str, Any], sampling: SamplingConfig) -> None:
        content = _within(choice, "logprobs", "content")
        self.n: int | None = None
        self.logprobs: np.ndarray | None = None
        self.texts: tuple[str, ...] | None = None
        self.top: np.ndarray | None = None
        self.keep = sampling.keep_logprobs
        self.is_wrong = False
        if not isinstance(content, list) or not content:
            self.is_wrong = content is not None and not isinstance(content, list)
            return
        entries = [entry if isinstance(entry, dict) else {} for entry in content]
        self.logprobs = finite_logprobs([entry.get("logprob") for entry in entries])
        self.is_wrong = self.logprobs is None
        self.n = len(entries)
        texts = [entry.get("token") for entry in entries]
        self.texts = tuple(map(str, texts)) if all(map(is_text, texts)) else None
        if sampling.keep_top_mass:
            self.top = top_masses([entry.get("top_logprobs") for entry in entries], len(entries))


def _with_choices(answer: Any) -> dict[str, Any]:
    choices_of(answer)
    found: dict[str, Any] = answer
    return found


def _texts_of(message: dict[str, Any]) -> tuple[str | None, str | None]:
    """What a message answers and what it thought before: as texts, or as a list of parts of either kind."""
    content = message.get("content")
    thought = next(
        (text for key in ("reasoning_content", "reasoning") if isinstance(text := message.get(key), str)), None
    )
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict)]
        answered = [text for part in parts if isinstance(text := part.get("text"), str)]
        content = "".join(answered) if answered else None
        inside = [one for part in parts if isinstance(one := part.get("thinking"), str | list)]
        texts = [
            text for one in inside for text in ([one] if isinstance(one, str) else map(_text_of_part, one)) if text
        ]
        thought = thought or "".join(texts) or None
    if not isinstance(content, str):
        content = message.get("refusal")
    return (content if isinstance(content, str) else None), thought


def _text_of_part(part: Any) -> str | None:
    text = part.get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else None


def _groups(draws: Sequence[Draw], largest: int) -> Iterable[list[int]]:
    """Draws that one request can ask for: neighbours of one problem and limit."""
    group: list[int] = []
    for index, draw in enumerate(draws):
        same = group and (draws[group[0]].prompt, draws[group[0]].max_tokens) == (draw.prompt, draw.max_tokens)
        if group and (not same or len(group) == largest):
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _within(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
