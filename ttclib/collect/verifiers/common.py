"""What every reward model shares: a solution becomes token ids and the positions where it is read.

A format is an adapter: it loads a model, writes a solution the way the model was trained to read it
(`encode`), and turns the hidden state at a position into a score (`_values`). Only those positions
go through the head, so a language model's head over its whole vocabulary costs nothing.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from transformers import AutoConfig, AutoTokenizer

from ttclib.collect.checkpoints import choose_device, config_facts, first_line, load_failure, resolve_model
from ttclib.collect.engines.tokens import DATE, lacks_a_token
from ttclib.collect.verifiers.packing import MIN_CAPACITY, WORTH_IT, Row, as_tensors, pack
from ttclib.config import PrmConfig
from ttclib.errors import RequestError, TTCError

# Token ids, and the positions where scores are read. No ids: this solution cannot be read.
Encoded = tuple[list[int], list[int]]

WITHOUT_WEIGHTS = "meta"  # torch's device of tensors that have a shape alone


@dataclass(frozen=True)
class StepScores:
    """What a PRM says of one solution."""

    # in [0, 1], one a step; an outcome verifier gives one in all. None: too long for the model's window, or the
    # format's separator cannot be placed.
    step_scores: list[float] | None
    prm_tokens: int  # tokens read


class Prm(ABC):
    """A loaded reward model.

    Raises
    ------
    RequestError
        The model cannot be loaded, or lacks what its format needs.
    """

    model_class: ClassVar[Any]
    kind: ClassVar[str] = "prm"  # it scores steps; "orm": whole solutions
    takes: ClassVar[tuple[str, ...]] = ("system", "raw_score")  # of the keys that not every format can follow

    def __init__(self, config: PrmConfig) -> None:
        self.config = config
        self.path = resolve_model(config.path)
        without = config.device == WITHOUT_WEIGHTS
        self.device = WITHOUT_WEIGHTS if without else choose_device(config.device, "prm.device")
        dtype = "float32" if config.dtype == "auto" and self.device == "cpu" else config.dtype
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(self.path, revision=config.revision)
            if without:
                self.model = self._shape()
                return
            self.model, found = self.model_class.from_pretrained(
                self.path, revision=config.revision, dtype=dtype, output_loading_info=True, **self._model_options()
            )
        except ImportError:
            raise
        except Exception as error:  # of a damaged file each library of weights raises its own
            raise load_failure("PRM", self.path, error) from error
        if found["missing_keys"]:  # transformers would go on with random numbers in their place
            raise RequestError(
                f"the PRM at '{self.path}' has no weights '{min(found['missing_keys'])}': it is no model of format "
                f"'{config.format}'; set prm.format"
            )
        self.model.to(self.device).eval()
        self._window = getattr(self.model.config, "max_position_embeddings", None)

    @abstractmethod
    def encode(self, prompt: str, steps: Sequence[str]) -> Encoded:
        """Token ids of a solution and the positions where its scores are read.

        The text of a step is not altered; the delimiter at its end may give way to the format's own.
        """

    def encoded(self, prompt: str, steps: Sequence[str]) -> Encoded:
        """As `encode`; nothing, which has no score, where the tokenizer's vocabulary lacks something in it."""
        try:
            return self.encode(prompt, steps)
        except Exception as error:
            if not lacks_a_token(error):
                raise
            return [], []

    @abstractmethod
    def _values(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scores of hidden states, shape (positions, width) → (positions,)."""

    def _shape(self) -> Any:
        """The model without weights."""
        asked = AutoConfig.from_pretrained(self.path, revision=self.config.revision, **self._model_options())
        build = getattr(self.model_class, "from_config", None) or self.model_class._from_config
        with torch.device(WITHOUT_WEIGHTS):
            return build(asked)

    def _model_options(self) -> dict[str, Any]:
        return {}

    @torch.inference_mode()
    def score(self, solutions: Sequence[Encoded]) -> list[StepScores]:
        """Scores of solutions given as `encode` makes them, in order.

        Solutions that begin alike share a row where that saves enough (`ttclib.collect.verifiers.packing`);
        rows are grouped by length into batches of at most `batch_tokens`.

        Raises
        ------
        TTCError
            Out of GPU memory.
        """
        result: list[StepScores] = [StepScores(None, 0)] * len(solutions)
        fitting = [i for i, (ids, _) in enumerate(solutions) if ids and not (self._window and len(ids) > self._window)]
        rows = self._rows([solutions[index][0] for index in fitting])
        rows.sort(key=lambda row: len(row.ids), reverse=True)
        while rows:
            batch = rows[: max(1, self.config.batch_tokens // len(rows[0].ids))]
            rows = rows[len(batch) :]
            places = [
                (fitting[number], row, [tokens[position] for position in solutions[fitting[number]][1]])
                for row, content in enumerate(batch)
                for number, tokens in content.solutions
            ]
            try:
                values = self._read(batch, [(row, column) for _, row, columns in places for column in columns])
            except torch.cuda.OutOfMemoryError as error:
                raise TTCError(
                    f"out of GPU memory while scoring {len(places)} solutions of up to {len(batch[0].ids)} tokens: "
                    f"lower prm.batch_tokens (now {self.config.batch_tokens}), or set prm.dtype to bfloat16"
                ) from error
            told = iter(values)
            for index, _, columns in places:
                result[index] = StepScores([next(told) for _ in columns], len(solutions[index][0]))
        return result

    def _rows(self, solutions: Sequence[Sequence[int]]) -> list[Row]:
        """Solutions in rows, shared or one each."""
        longest = max(map(len, solutions), default=0)
        config = self.model.config
        attended = getattr(config, "sliding_window", None) or longest
        # Sharing needs a decoder, which a configuration with key-value heads is, and a mask that can be given.
        if (
            hasattr(config, "num_key_value_heads")
            and attended >= longest
            and getattr(config, "_attn_implementation", None) in ("sdpa", "eager")
        ):
            rows = pack(solutions, max(MIN_CAPACITY, 2 * longest))
            if sum(len(row.ids) for row in rows) <= WORTH_IT * sum(map(len, solutions)):
                return rows
        return [Row(list(ids), solutions=[(number, list(range(len(ids))))]) for number, ids in enumerate(solutions)]

    def _read(self, batch: Sequence[Row], places: Sequence[tuple[int, int]]) -> list[float]:
        """Scores at places (row, token)."""
        if any(row.parents for row in batch):
            ids, positions, mask = as_tensors(batch, self.device, self.model.dtype)
            output = self.model.base_model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False)
        else:
            # Right padding lies behind the last position that is read: causal attention never reaches it.
            longest = max(len(row.ids) for row in batch)
            ids = torch.tensor([row.ids + [0] * (longest - len(row.ids)) for row in batch], device=self.device)
            width = [len(row.ids) for row in batch]
            mask = torch.tensor([[1] * n + [0] * (longest - n) for n in width], device=self.device)
            output = self.model.base_model(input_ids=ids, attention_mask=mask)
        rows, columns = [row for row, _ in places], [column for _, column in places]
        return list(self._values(output.last_hidden_state[rows, columns]).tolist())

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""
        return {
            "kind": self.kind,
            "reads": json.dumps(self.config.reads()),
            "n_parameters": self.model.num_parameters(),
            "n_embedding": self.model.get_input_embeddings().weight.numel(),
            **config_facts(self.model.config),
        }


def bodies(steps: Sequence[str], delimiter: str) -> list[tuple[str, str]]:
    r"""Each step as (what it says, the delimiters at its end).

    Examples
    --------
    >>> bodies(["7*7\n\n", "49"], "\n")
    [('7*7', '\n\n'), ('49', '')]
    """
    cut = []
    for step in steps:
        body = step
        while body.endswith(delimiter):
            body = body.removesuffix(delimiter)
        cut.append((body, step[len(body) :]))
    return cut


def encode_pieces(tokenizer: Any, pieces: Sequence[str], read_after: Sequence[bool], *, special: bool) -> Encoded:
    """Tokenise a text given in pieces as one, and find the tokens that end where certain pieces end.

    Parameters
    ----------
    tokenizer
        A fast one.
    pieces : sequence of str
        They join to the text.
    read_after : sequence of bool
        Whether a score is read at the token that ends with this piece.
    special : bool
        Whether to add the tokenizer's own begin and end tokens.

    Returns
    -------
    ids, positions
        Both empty if a token lies across such an end.
    """
    encoded = tokenizer("".join(pieces), add_special_tokens=special, return_offsets_mapping=True)
    ends = {end: index for index, (begin, end) in enumerate(encoded["offset_mapping"]) if end > begin}
    positions, read = [], 0
    for piece, wanted in zip(pieces, read_after, strict=True):
        read += len(piece)
        if wanted:
            if read not in ends:
                return [], []
            positions.append(ends[read])
    return list(encoded["input_ids"]), positions


def format_chat(tokenizer: Any, turns: Sequence[tuple[str, str]], path: str) -> str:
    """Turns of (role, content) in the tokenizer's chat template.

    Raises
    ------
    RequestError
        It has none, or one that raises.
    """
    if not tokenizer.chat_template:
        raise RequestError(f"the PRM at '{path}' has no chat template, which its format needs: set prm.format")
    messages = [{"role": role, "content": content} for role, content in turns]
    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, date_string=DATE))
    except Exception as error:  # whatever the template's own language raises
        raise RequestError(f"the chat template of the PRM at '{path}' fails: {first_line(error)}") from error


def single_tokens(tokenizer: Any, texts: Sequence[str], path: str) -> list[int]:
    """Ids of the tokens that the format needs.

    Raises
    ------
    RequestError
        The tokenizer writes one as several, or not at all.
    """
    found = [plain_tokens(tokenizer, text) for text in texts]
    for text, ids in zip(texts, found, strict=True):
        if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
            raise RequestError(
                f"the tokenizer at '{path}' has no single token {text!r}, which this format needs: set prm.format"
            )
    return [ids[0] for ids in found]


def plain_tokens(tokenizer: Any, text: str) -> list[int]:
    """Ids of a text without the tokenizer's own begin and end tokens; none if it cannot be written."""
    try:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []
    except Exception as error:
        if not lacks_a_token(error):
            raise
        return []


def class_probability(hidden: torch.Tensor, head: Any, tokens: tuple[int, int]) -> torch.Tensor:
    """Probability of the first of two tokens, of these two alone, from a language model's head."""
    rows = list(tokens)
    bias = None if getattr(head, "bias", None) is None else head.bias[rows]
    return torch.nn.functional.linear(hidden, head.weight[rows], bias).float().softmax(dim=-1)[:, 0]
