"""Which engine can do what a configuration asks of it."""

from __future__ import annotations

import json
from typing import Any

from ttclib.config.models import PolicyConfig
from ttclib.config.sampling import SamplingConfig
from ttclib.config.sections import PromptConfig

_SAID_BEFORE = ("vllm", "server", "chat")
# Keys of the decoding that not every engine can follow. What is in none of these, all can.
_TAKEN_BY: dict[str, tuple[str, ...]] = {
    "presence_penalty": _SAID_BEFORE,
    "frequency_penalty": _SAID_BEFORE,
    "repetition_penalty": _SAID_BEFORE,
    "reasoning_effort": ("chat",),
}
_INSTEAD = {
    "reasoning_effort": "; where the model's chat template knows it, set prompt.chat_template_kwargs = "
    '{{ reasoning_effort = "{value}" }}'
}


def unfit(policy: PolicyConfig, sampling: SamplingConfig, prompt: PromptConfig, section: str = "policy") -> list[str]:
    """What an engine cannot do of all that is asked, a line each.

    Parameters
    ----------
    policy : PolicyConfig
    sampling : SamplingConfig
    prompt : PromptConfig
    section : str
        Where the policy stands in the configuration.

    Returns
    -------
    list of str

    Examples
    --------
    >>> policy = PolicyConfig(name="m", path="m")
    >>> unfit(policy, SamplingConfig(repetition_penalty=1.1), PromptConfig())
    ["sampling.repetition_penalty = 1.1: engine 'transformers' does not take it; vllm, server, chat do"]
    """
    engine = policy.engine
    asked = sampling.asked_keys()
    found = [
        _line(f"sampling.{name}", asked[name], engine, takers, _INSTEAD.get(name, ""))
        for name, takers in _TAKEN_BY.items()
        if name in asked and engine not in takers
    ]
    if policy.device is not None and engine != "transformers":
        found.append(_line(f"{section}.device", policy.device, engine, ("transformers",)))
    if prompt.chat_template_kwargs and not prompt.chat:
        found.append("prompt.chat_template_kwargs: without a chat there is no template; set prompt.chat = true")
    server = policy.server
    if engine == "chat":
        if not server.urls:
            found.append(f"{section}.server.urls = []: engine 'chat' needs an address, such as \"https://host/v1\"")
        if not prompt.chat:
            found.append("prompt.chat = false: engine 'chat' asks in turns; leave it out, or use engine 'server'")
        if prompt.chat_template:
            found.append(
                "prompt.chat_template: engine 'chat' leaves the template to the API; take it out, or another engine"
            )
        found += [
            f'{section}.server.omit = ["{name}"]: sampling.{name} = {value:g} would not be sent, and an API takes 1 '
            f"where it is not told: set sampling.{name} = 1"
            for name in server.omit
            if (value := getattr(sampling, name)) != 1
        ]
    else:
        for name in ("choices", "max_tokens_key", "omit"):
            if (value := getattr(server, name)) != type(server).model_fields[name].default:
                found.append(_line(f"{section}.server.{name}", value, engine, ("chat",)))
    return found


def _line(key: str, value: Any, engine: str, takers: tuple[str, ...], instead: str = "") -> str:
    does = "does" if len(takers) == 1 else "do"
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return (
        f"{key} = {shown}: engine '{engine}' does not take it; {', '.join(takers)} {does}{instead.format(value=value)}"
    )
