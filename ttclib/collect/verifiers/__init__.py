"""Reward models: scoring every step (PRM) or a whole solution (ORM), one module a format.

A format is how a model wants a solution written and where its score is read. `auto` settles it from
the checkpoint's architecture, and for plain language models, which do not say, from its name. Another package adds a
format by an entry point in the group ``ttclib.verifier_formats`` that gives a subclass of `Prm`.
"""

from __future__ import annotations

from transformers import PretrainedConfig

from ttclib.collect.checkpoints import choose_device, load_failure, resolve_model
from ttclib.collect.verifiers.common import WITHOUT_WEIGHTS, Encoded, Prm, StepScores
from ttclib.collect.verifiers.math_shepherd import MathShepherdPrm
from ttclib.collect.verifiers.orm import Orm, QwenOrm
from ttclib.collect.verifiers.qwen import QwenPrm
from ttclib.collect.verifiers.rlhflow import RlhflowPrm
from ttclib.collect.verifiers.skywork import SkyworkPrm
from ttclib.collect.verifiers.token_classification import TokenClassificationPrm
from ttclib.config import VERIFIER_ENTRY_POINTS, PrmConfig
from ttclib.errors import RequestError
from ttclib.plugins import plugins

__all__ = ["FORMATS", "Encoded", "Prm", "StepScores", "TokenClassificationPrm", "find_format", "load_prm"]

FORMATS: dict[str, type[Prm]] = {
    "token-classification": TokenClassificationPrm,
    "qwen": QwenPrm,
    "math-shepherd": MathShepherdPrm,
    "rlhflow": RlhflowPrm,
    "skywork": SkyworkPrm,
    "orm": Orm,
    "qwen-orm": QwenOrm,
}
_NOT_OF_ALL = Prm.takes
_OF_ARCHITECTURE = {
    "Qwen2ForProcessRewardModel": "qwen",
    "Qwen2ForRewardModel": "qwen-orm",
    "Qwen2ForPrmModel": "skywork",
}
_OF_ENDING = {"ForTokenClassification": "token-classification", "ForSequenceClassification": "orm"}
_OF_NAME = {"shepherd": "math-shepherd", "rlhflow": "rlhflow", "skywork": "skywork"}


def load_prm(config: PrmConfig, *, weights: bool = True) -> Prm:
    """Load the configured reward model in its format.

    Parameters
    ----------
    weights : bool
        False: all but the weights; it writes solutions as the model reads them, and cannot score.

    Raises
    ------
    RequestError
        No such model, a format that cannot be told, a key that it does not take, or weights that it needs are missing.
    """
    name = find_format(config) if config.format == "auto" else config.format
    choose_device(config.device if weights else "cpu", "prm.device")  # "meta" is nothing to ask for
    device = config.device if weights else WITHOUT_WEIGHTS
    found = format_class(name)
    for key in _NOT_OF_ALL:
        value = getattr(config, key)
        if key not in found.takes and value != PrmConfig.model_fields[key].default:
            takers = ", ".join(other for other, one in FORMATS.items() if key in one.takes)
            raise RequestError(f"prm.{key} = {value!r}: format '{name}' does not take it; {takers} do: leave it out")
    return found(config.model_copy(update={"format": name, "device": device}))


def format_class(name: str) -> type[Prm]:
    """The format of a name, of ttclib or of another package."""
    if name in FORMATS:
        return FORMATS[name]
    others = dict(plugins(VERIFIER_ENTRY_POINTS, Prm, "a subclass of ttclib.collect.verifiers.Prm"))
    found: type[Prm] = others[name]
    return found


def find_format(config: PrmConfig) -> str:
    """Format of a checkpoint, from its architecture or name.

    Raises
    ------
    RequestError
        It cannot be told.
    """
    path = resolve_model(config.path)
    try:
        content, _ = PretrainedConfig.get_config_dict(path, revision=config.revision)
    except (OSError, ValueError) as error:
        raise load_failure("PRM", path, error) from error
    architecture = (content.get("architectures") or ["unknown"])[0]
    if not content:  # what transformers makes of a directory without a configuration
        raise RequestError(f"cannot load the PRM from '{path}': it holds no config.json")
    if architecture in _OF_ARCHITECTURE:
        return _OF_ARCHITECTURE[architecture]
    for ending, name in _OF_ENDING.items():
        if architecture.endswith(ending):
            return name
    for part, name in _OF_NAME.items():
        if part in path.lower():
            return name
    raise RequestError(
        f"the format of the PRM at '{path}' (architecture {architecture}) cannot be told: set prm.format to one of "
        f"{', '.join(FORMATS)}"
    )
