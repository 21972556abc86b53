"""Losses and what is counted beside them: all of it sums, so that parts can be added.

A row counts as much as its sample weight; rows of padding have the weight 0 and count
nothing. Everything is computed in float32, whatever the network computes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from maou.tensors import TorchBatch
    from maou.train.config import LossConfig

MEASURES = (
    "weight",
    "policy_weight",
    "policy_loss",
    "policy_accuracy",
    "policy_top5",
    "value_weight",
    "value_loss",
    "decided_weight",
    "value_accuracy",
)
"""What `Losses.sums` holds, in this order."""


class Losses(NamedTuple):
    """What a batch says of a network."""

    total: Tensor
    """float32[]: the weighted sum of both losses over the rows, to be divided by the
    number of rows of a step."""
    sums: Tensor
    """float32[9]: `MEASURES`, without a gradient."""


def no_sums(device: torch.device) -> Tensor:
    """Sums of nothing yet; Apple's GPUs have no float64."""
    dtype = torch.float32 if device.type == "mps" else torch.float64
    return torch.zeros(len(MEASURES), dtype=dtype, device=device)


def value_targets(batch: TorchBatch, config: LossConfig) -> tuple[Tensor, Tensor]:
    """Mix result and eval into the score that the value is to say.

    Args:
        batch: A loader's batch as tensors.
        config: λ and the scale of evals.

    Returns:
        float32[B] in [0, 1], and float32[B]: 1 where one of the two is known, else 0.
    """
    rate = torch.sigmoid(batch.eval_cp / config.eval_scale_cp)
    of_result = config.value_lambda * batch.value_weight
    of_eval = (1 - config.value_lambda) * batch.eval_weight
    # λ of 0 or 1 asks for one of the two: the other stands in where that is unknown.
    nothing = (of_result + of_eval) == 0
    of_result = torch.where(nothing, batch.value_weight, of_result)
    of_eval = torch.where(nothing, batch.eval_weight, of_eval)
    both = of_result + of_eval
    known = (both > 0).float()
    mixed = of_result * batch.value + of_eval * rate
    return mixed / both.clamp(min=1e-9), known


def losses(
    policy_logits: Tensor,
    value_logit: Tensor,
    batch: TorchBatch,
    config: LossConfig,
) -> Losses:
    """Compare a network's outputs with a batch.

    Args:
        policy_logits: float[B, classes].
        value_logit: float[B].
        batch: A loader's batch as tensors, with the sparse policy and, if the
            configuration asks for masks, `legal`.
        config: Weights of the two losses, λ, masks.
    """
    weight = batch.weight  # [B]
    rows, labels = batch.policy_rows, batch.policy_labels
    shares = batch.policy_weights  # [K], rows sum to 1
    logits = policy_logits.float()
    if config.legal_mask:
        least = torch.finfo(torch.float32).min
        logits = logits.masked_fill(~batch.legal, least)
    log_likely = functional.log_softmax(logits, dim=1)  # [B, classes]
    policy = -(weight[rows] * shares * log_likely[rows, labels]).sum()

    target, known = value_targets(batch, config)
    value_weight = weight * known  # [B]
    value_logit = value_logit.float()
    value = functional.binary_cross_entropy_with_logits(
        value_logit, target, weight=value_weight, reduction="sum"
    )
    total = config.policy * policy + config.value * value
    with torch.no_grad():
        sums = torch.stack(
            [
                weight.sum(),
                policy_weight(batch).sum(),
                policy,
                *policy_hits(logits, batch),
                value_weight.sum(),
                value,
                *value_hits(value_logit, batch),
            ]
        )
    return Losses(total, sums)


def policy_weight(batch: TorchBatch) -> Tensor:
    """float32[B]: the weight of the rows that have moves to learn, 0 of others."""
    moves = torch.zeros_like(batch.weight)
    moves = moves.index_fill(0, batch.policy_rows, 1.0)
    return batch.weight * moves


def policy_hits(logits: Tensor, batch: TorchBatch) -> tuple[Tensor, Tensor]:
    """Weigh the rows that the policy gets right, by its first move, by its first five.

    Right is the move that was played most; of several, each.
    """
    weight = batch.weight
    rows, labels = batch.policy_rows, batch.policy_labels
    shares = batch.policy_weights
    top = logits.topk(5, dim=1).indices  # [B, 5]
    most = torch.zeros_like(weight).scatter_reduce(0, rows, shares, "amax")  # [B]
    is_best = shares >= most[rows]  # [K]
    among = top[rows] == labels[:, None]  # [K, 5]
    hits = torch.zeros(len(weight), 5, device=weight.device)
    hits = hits.index_add(0, rows, (among & is_best[:, None]).float())  # [B, 5]
    return (weight * hits[:, 0]).sum(), (weight * (hits.sum(dim=1) > 0)).sum()


def value_hits(value_logit: Tensor, batch: TorchBatch) -> tuple[Tensor, Tensor]:
    """Weigh the rows with a decided result, and those whose winner is told."""
    decided = batch.value_weight * (batch.value != 0.5)
    weight = batch.weight * decided
    right = (value_logit > 0) == (batch.value > 0.5)
    return weight.sum(), (weight * right).sum()


def means(sums: Tensor) -> dict[str, float | None]:
    """Turn sums into means by name; None for a mean of nothing."""
    at = dict(zip(MEASURES, sums.tolist(), strict=True))

    def mean(name: str, weight: str) -> float | None:
        return at[name] / at[weight] if at[weight] > 0 else None

    return {
        "policy_loss": mean("policy_loss", "policy_weight"),
        "policy_accuracy": mean("policy_accuracy", "policy_weight"),
        "policy_top5": mean("policy_top5", "policy_weight"),
        "value_loss": mean("value_loss", "value_weight"),
        "value_accuracy": mean("value_accuracy", "decided_weight"),
    }
