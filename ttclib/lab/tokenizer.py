"""The lab's tokenizer: one token a character, in Hugging Face's own format."""

from __future__ import annotations

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from ttclib.problems.arithmetic import ALPHABET

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>")


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A character tokenizer over the task's alphabet; a prompt starts with ``<bos>``.

    Examples
    --------
    >>> build_tokenizer()("7*7=")["input_ids"]
    [1, 10, 15, 10, 18]
    """
    from tokenizers.processors import TemplateProcessing

    vocabulary = {token: index for index, token in enumerate((*SPECIAL_TOKENS, *ALPHABET))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", vocabulary["<bos>"])])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>", padding_side="left"
    )
