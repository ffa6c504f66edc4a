"""A verifier's starting point: the policy, widened and deepened so that it can compare.

To notice a wrong token a network must hold two things at one place: the token, and what was
expected there. A policy holds neither side by side: its last layer expects the *next* token, and
the present one has faded from it. So the PRM starts as the policy with room added:

- `hidden_size` grows by twice the vocabulary: one half carries the present token unchanged (one-hot)
  from the embedding up, the other receives the logits that the policy had for it;
- the first added layer begins with heads that look at the previous token and fetch those logits,
  and units that hold the token against them;
- the policy's own layers compute exactly what they did, and stay as they are.

What is made of the comparison is learned. Left to find the comparison itself, from the verdict
alone or with helping losses, the same network was still at a within-problem AUC of .65 after
100,000 solutions; the policy's own log-probability reaches .84.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForTokenClassification

_TOKEN_SIZE = 0.05  # of the one-hot in the embedding: small beside it, so that norms hardly change
_LOOK_BACK = 9.0  # size of the queries and keys of the heads that look back: attention of 1.000


def grow(policy: LlamaForCausalLM, extra_layers: int) -> LlamaForTokenClassification:
    """A PRM that starts from a policy.

    Parameters
    ----------
    policy : LlamaForCausalLM
        With tied embeddings.
    extra_layers : int
        At least 1.

    Returns
    -------
    LlamaForTokenClassification
        One label. The first layers are the policy's: `policy_parameters` names them.
    """
    old = policy.config
    d, v, n_old = old.hidden_size, old.vocab_size, old.num_hidden_layers
    head = d // old.num_attention_heads
    n_heads = max(old.num_attention_heads, 2 * -(-v // head))  # enough to look back and to hold, a vocabulary each
    width = -(-(d + 2 * v) // n_heads) * n_heads
    shape = {
        **old.to_dict(),
        "hidden_size": width,
        "num_hidden_layers": n_old + extra_layers,
        "num_attention_heads": n_heads,
        "num_key_value_heads": n_heads,
        "head_dim": head,
        "attention_bias": True,
        "rms_norm_eps": 1e-8,
        "tie_word_embeddings": False,
        "num_labels": 1,
    }
    for stale in ("architectures", "id2label", "label2id"):
        shape.pop(stale, None)
    model: Any = LlamaForTokenClassification(LlamaConfig(**shape)).float()
    with torch.no_grad():
        size = _residual_size(policy)
        _copy_policy(policy, model, d, v, n_old, size)
        for layer in model.model.layers[n_old:]:
            for name, bias in layer.self_attn.named_parameters():
                if name.endswith("bias"):
                    bias.zero_()
            for name, weight in layer.named_parameters():
                if weight.ndim == 2:
                    into_residual = "o_proj" in name or "down_proj" in name
                    torch.nn.init.normal_(weight, std=0.03 if into_residual else width**-0.5)
            for norm in (layer.input_layernorm, layer.post_attention_layernorm):
                norm.weight.fill_(1.0)
        _compare(policy, model.model.layers[n_old], d, v, head, width, size)
        torch.nn.init.zeros_(model.score.weight)
        torch.nn.init.zeros_(model.score.bias)
    return model


def policy_parameters(model: LlamaForTokenClassification, extra_layers: int) -> list[torch.nn.Parameter]:
    """The parameters of a grown model that are the policy's."""
    layers = model.model.layers[: model.config.num_hidden_layers - extra_layers]
    return [*model.get_input_embeddings().parameters(), *layers.parameters()]


def _copy_policy(policy: LlamaForCausalLM, model: Any, d: int, v: int, n_old: int, size: float) -> None:
    """The policy's layers in the first d dimensions, scaled so that their sum has size one.

    A norm cancels the scale; without it the added layers would have to shout to be heard.
    """
    scale = 1.0 / size
    # A norm averages over all dimensions, of which the policy's are d.
    share = (d / model.config.hidden_size) ** 0.5
    embedding = model.get_input_embeddings().weight.zero_()
    embedding[:, :d] = policy.lm_head.weight * scale
    embedding[:, d : d + v] = torch.eye(v) * _TOKEN_SIZE * scale
    for old, new in zip(policy.model.layers, model.model.layers[:n_old], strict=True):
        for name, weight in new.named_parameters():
            weight.zero_()
            if name.endswith("bias"):
                continue
            source = old.get_parameter(name)
            if weight.ndim == 1:
                weight[:d] = source * share
            elif "o_proj" in name or "down_proj" in name:
                weight[:d, : source.shape[1]] = source * scale
            else:
                weight[: source.shape[0], :d] = source


def _compare(policy: LlamaForCausalLM, layer: Any, d: int, v: int, head: int, width: int, size: float) -> None:
    """A layer whose heads fetch the policy's logits from the previous token and raise the one-hot.

    With rotary positions a query q and a key k at distance Δ score Σ qᵢ·kᵢ·cos(Δ·θᵢ + φᵢ): phases
    φᵢ = −θᵢ put the peak of every frequency at Δ = 1, phases of zero at the token itself. Such
    queries and keys are constant: they are biases.
    """
    attention = layer.self_attn
    n_heads = -(-v // head)
    rows = n_heads * head
    token, expected = slice(d, d + v), slice(d + v, d + 2 * v)
    # This norm ends as the policy's last norm did, so that values can be its logits; it raises the
    # one-hot to about one.
    layer.input_layernorm.weight[:d] = policy.model.norm.weight * (d / width) ** 0.5
    layer.input_layernorm.weight[token] = size / _TOKEN_SIZE * (d / width) ** 0.5

    theta = float(policy.config.to_dict()["rope_parameters"]["rope_theta"]) ** (-torch.arange(0, head, 2) / head)
    still = _LOOK_BACK * torch.cat([torch.ones(head // 2), torch.zeros(head // 2)])
    back = _LOOK_BACK * torch.cat([theta.cos(), theta.sin()])
    for projection, pattern in ((attention.q_proj, [still, still]), (attention.k_proj, [back, still])):
        projection.weight[: 2 * rows].zero_()
        projection.bias[: 2 * rows] = torch.cat([part.repeat(n_heads) for part in pattern])
    attention.v_proj.weight[: 2 * rows].zero_()
    attention.v_proj.weight[:v, :d] = policy.lm_head.weight
    attention.v_proj.weight[rows : rows + v, token] = torch.eye(v)
    attention.o_proj.weight[d : d + 2 * v].zero_()
    attention.o_proj.weight[:, : 2 * rows].zero_()
    attention.o_proj.weight[expected, :v] = 0.1 * torch.eye(v)
    attention.o_proj.weight[token, rows : rows + v] = torch.eye(v)
    # A unit of the MLP for each token: its one-hot opens the gate for its logit.
    units = torch.arange(v)
    for projection, begin in ((layer.mlp.gate_proj, d), (layer.mlp.up_proj, d + v)):
        projection.weight[:v].zero_()
        projection.weight[units, begin + units] = 1.0


def _residual_size(policy: LlamaForCausalLM) -> float:
    """Root mean square of what reaches the policy's last norm, on one worked exercise."""
    from ttclib.lab.tokenizer import build_tokenizer
    from ttclib.problems.arithmetic import held_out

    exercise = held_out("validation", 8)[-1]
    sizes: list[torch.Tensor] = []
    handle = policy.model.norm.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0]))
    with torch.no_grad():
        policy(**build_tokenizer()(exercise.prompt + exercise.solution, return_tensors="pt"))
    handle.remove()
    return float(sizes[0].pow(2).mean().sqrt())
