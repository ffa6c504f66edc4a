"""Sampling from running OpenAI-compatible vLLM servers, so that sampling and analysis need not share a machine.

One request a sample, since each has its own seed; as many under way at each server as configured.
Prompts go as token ids and completions come back as token ids: re-tokenised text would be another
prefix. What a server says of a sample is looked at before it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import AutoConfig, AutoTokenizer

from ttclib.collect.checkpoints import count_parameters_of, load_failure, model_row
from ttclib.collect.engines.http import Line, Servers, SilentError
from ttclib.collect.engines.responses import (
    MalformedError,
    choices_of,
    finite_logprobs,
    is_text,
    printable,
    top_masses,
    whole_number,
)
from ttclib.collect.engines.tokens import Tokens
from ttclib.collect.engines.types import TOP, Completion, Draw, LostError
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError

_TOKEN_ID = "token_id:"
_EVERYTHING = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}


class ServerEngine(Tokens):
    """A causal language model on vLLM servers.

    Parameters
    ----------
    path : str
        Directory or hub id; the tokenizer and the configuration are read from it here.
    policy : PolicyConfig
        `server` says where the servers are.

    Attributes
    ----------
    remarks : collections.Counter
        What servers did not say rightly, with the number of samples that lack it.

    Raises
    ------
    RequestError
        No server is configured or answers, or it serves another model.
    """

    def __init__(self, path: str, policy: PolicyConfig, prompt: PromptConfig) -> None:
        self._policy, self._server = policy, policy.server
        if not self._server.urls:
            raise RequestError("engine 'server' needs policy.server.urls: for example [\"http://localhost:8000\"]")
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, revision=policy.revision)
            self._config = AutoConfig.from_pretrained(path, revision=policy.revision)
        except ImportError:
            raise
        except Exception as error:  # of a damaged file each library raises its own
            raise load_failure("policy", path, error) from error
        super().__init__(tokenizer, prompt)
        self._n_tokens = max(len(tokenizer), getattr(self._config.get_text_config(), "vocab_size", None) or 0)
        self._servers = Servers(self._server)
        self.remarks = self._servers.remarks
        found = {base: self._find_model(base) for base in self._servers.bases}
        self._models = {base: name for base, (name, _) in found.items()}
        self.window: int | None = min((window for _, window in found.values() if window), default=None)

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""
        return model_row(self._policy, self._config, count_parameters_of(self._config))

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        """One completion for each draw, in order.

        Raises
        ------
        Unfinished
            Some are missing: no server answers any more, or one sent what cannot be kept.
        RequestError
            The servers refuse every request.
        TTCError
            None could be drawn.
        """

        async def ask(line: Line, group: Sequence[int]) -> dict[int, Completion | LostError]:
            (index,) = group
            draw = draws[index]
            choice = await line.send("POST", "/completions", self._request(line.base, draw, sampling), self._choice)
            return {index: self._completion(choice, line.base, draw, sampling)}

        return self._servers.draw([(index,) for index in range(len(draws))], len(draws), ask)

    def _request(self, base: str, draw: Draw, sampling: SamplingConfig) -> dict[str, Any]:
        # What is not said, a server takes from the checkpoint's generation_config: so all is said.
        request = {
            "model": self._models[base],
            "prompt": list(draw.prefix_ids),
            "max_tokens": draw.max_tokens or sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            **_EVERYTHING,
            **sampling.asked_keys(),
            "stop": list(sampling.stop),
            "include_stop_str_in_output": True,
            "logprobs": TOP if sampling.keep_top_mass else 0,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
        }
        return request | ({"seed": draw.seed % 2**31} if self._server.seeded else {})

    def _choice(self, answer: Any) -> dict[str, Any]:
        choices = choices_of(answer)
        if len(choices) > 1:
            self.remarks["came with more choices than were asked for, which are left out"] += 1
        return choices[0]

    def _completion(self, choice: dict[str, Any], base: str, draw: Draw, sampling: SamplingConfig) -> Completion:
        """A sample as it is kept.

        Raises
        ------
        LostError
            It has no token ids that are the model's, no end, or another length than was asked for.
        RequestError
            The server is no vLLM.
        """
        logprobs = choice["logprobs"] if isinstance(choice.get("logprobs"), dict) else {}
        ids = self._token_ids(choice, logprobs, base)
        if len(ids) > (limit := draw.max_tokens or sampling.max_tokens):
            raise LostError(f"server {base} gave {len(ids):,} tokens where {limit:,} were asked for at most")
        reason = choice.get("finish_reason")
        if reason not in ("stop", "length"):
            raise LostError(f"server {base} ended a sample with {printable(reason, 40)!r}, not with 'stop' or 'length'")
        values = logprobs.get("token_logprobs")
        if not isinstance(values, list) or len(values) != len(ids):
            raise RequestError(f"server {base} gives no log-probability for each token: it must be vLLM")
        if (told := finite_logprobs(values)) is None:
            self.remarks["came with log-probabilities that are none: theirs is unknown"] += 1
        if not is_text(text := choice.get("text")):
            self.remarks["came without a text that can be kept: it was decoded from their tokens"] += 1
            text = self.tokenizer.decode(ids, skip_special_tokens=True)
        return Completion(
            *(ids, str(text), str(reason), None if told is None else float(told.sum())),
            token_logprobs=told if sampling.keep_logprobs else None,
            token_top20=top_masses(logprobs.get("top_logprobs"), len(ids)) if sampling.keep_top_mass else None,
        )

    def _token_ids(self, choice: dict[str, Any], logprobs: dict[str, Any], base: str) -> list[int]:
        ids = choice.get("token_ids")
        if ids is None:
            names = logprobs.get("tokens") or []
            if not isinstance(names, list) or not names or not all(str(name).startswith(_TOKEN_ID) for name in names):
                raise RequestError(f"server {base} gives no token ids: it must be vLLM, of version 0.10.2 or later")
            numbers = [str(name).removeprefix(_TOKEN_ID) for name in names]
            ids = [
                int(number) if number.isascii() and number.isdigit() and len(number) < 12 else -1 for number in numbers
            ]
        if not isinstance(ids, list) or not ids:
            raise LostError(f"server {base} gave a sample without a token")
        for token in ids:
            if whole_number(token) is None or token >= self._n_tokens:
                raise LostError(
                    f"server {base} gave a token id {printable(token, 40)}, and '{self._policy.path}' has 0 to "
                    f"{self._n_tokens - 1}: does it serve another model?"
                )
        return ids

    def _find_model(self, base: str) -> tuple[str, int | None]:
        """The model's name at a server, and its window."""
        try:
            served = self._servers.get(base, "/models", _cards)
        except SilentError as error:
            raise RequestError(
                f"{error}: start it with `vllm serve {self._policy.path}`, or correct the url"
            ) from error
        except LostError as error:
            raise RequestError(f"{error}: it must be vLLM") from error
        wanted = self._server.model or (next(iter(served)) if len(served) == 1 else self._policy.path)
        if wanted not in served:
            raise RequestError(f"server {base} has no model '{wanted}': set policy.server.model to {', '.join(served)}")
        window = whole_number(served[wanted].get("max_model_len"))
        return wanted, window or None


def _cards(answer: Any) -> dict[str, dict[str, Any]]:
    cards = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(cards, list) or not all(isinstance(card, dict) and is_text(card.get("id")) for card in cards):
        raise MalformedError("its list of models is of another form than vLLM's")
    return {card["id"]: card for card in cards}
