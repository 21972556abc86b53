"""A network and what changes with it in a step: optimizer, scaler, mean of weights."""

from __future__ import annotations

import copy
import math
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from maou.train import checkpoint as checkpoints
from maou.train.losses import Losses, losses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maou.train.config import Config
    from maou.train.network import Network
    from maou.train.ranks import Ranks

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Learner:
    """What learns."""

    def __init__(
        self,
        network: Network,
        config: Config,
        ranks: Ranks,
        divisor: float,
        saved: checkpoints.Checkpoint | None,
    ) -> None:
        """Bring a network to the device, with an optimizer beside it.

        Args:
            network: With the weights to begin with.
            config: Options of the run.
            ranks: The processes.
            divisor: What the loss of a step, summed over its rows, is divided by.
            saved: The checkpoint that is gone on from.
        """
        device = ranks.device
        if device.type == "cuda":
            torch.set_float32_matmul_precision("high")
        self.network = network.to(device, memory_format=torch.channels_last)
        self.ema = _mean_network(network, saved) if config.run.ema else None
        self._config = config
        self._device = device
        # DDP takes the mean over processes where the sum is meant.
        self._factor = ranks.world_size / divisor
        self._optimizer = make_optimizer(network, config)
        enabled = config.run.amp == "fp16"
        self._scaler = torch.amp.GradScaler(device.type, enabled=enabled)
        if saved is not None:
            checkpoints.restore_optimizer(network, self._optimizer, saved.state)
            self._scaler.load_state_dict(saved.meta["scaler"])
            torch.set_rng_state(saved.state["random/cpu"])
        self._forward: nn.Module = network
        if ranks.world_size > 1:
            self._forward = DistributedDataParallel(network)
        if config.run.compile:
            self._forward = torch.compile(self._forward)
        network.train()

    @property
    def judged(self) -> nn.Module:
        """What validations are about: the mean of weights, if it is kept."""
        return self.ema or self.network

    def look(self, tensors: Any, *, ends_step: bool) -> Losses:
        """Compute the losses of a part of a step, and add up their gradients."""
        with _unsynced(self._forward, synced=ends_step):
            logits, value = predict(self._forward, tensors, self._config, self._device)
            found = losses(logits, value, tensors, self._config.loss)
            self._scaler.scale(found.total * self._factor).backward()
        return found

    def step(self, step: int, n_steps: int) -> tuple[float, Tensor]:
        """Change the weights by the gradients that were added up.

        Args:
            step: Steps that are done.
            n_steps: Steps of the whole run.

        Returns:
            The learning rate, and the length of the gradient before it was clipped.
        """
        lr = learning_rate(self._config, step, n_steps)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._scaler.unscale_(self._optimizer)
        longest = self._config.optimizer.clip or math.inf
        gradient = nn.utils.clip_grad_norm_(self.network.parameters(), longest)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad(set_to_none=True)
        if self.ema is not None:
            _approach(self.ema, self.network, self._config.run.ema, step + 1)
        return lr, gradient

    @property
    def skips_steps(self) -> bool:
        """Whether the scaler of fp16 leaves out steps whose gradients overflow."""
        return bool(self._scaler.is_enabled())

    def checkpoint(self, meta: dict[str, Any]) -> checkpoints.Checkpoint:
        """All of it, with what the loop has to say of it."""
        state = checkpoints.optimizer_tensors(self.network, self._optimizer)
        state["random/cpu"] = torch.get_rng_state()
        return checkpoints.Checkpoint(
            weights=self.network.state_dict(),
            ema=None if self.ema is None else self.ema.state_dict(),
            state=state,
            meta={**meta, "scaler": self._scaler.state_dict()},
        )


def predict(
    network: nn.Module, tensors: Any, config: Config, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Ask a network about a batch, in the precision of the run."""
    half = HALF.get(config.run.amp)
    inputs = (
        (tensors.board, tensors.hand)
        if config.model.features == "compact"
        else (tensors.input1, tensors.input2)
    )
    precision = torch.autocast(device.type, half) if half else nullcontext()
    with precision:
        logits, value = network(*inputs)
    return logits, value


def make_optimizer(network: Network, config: Config) -> torch.optim.Optimizer:
    """Make the optimizer; biases, norms and embeddings are not drawn to zero."""
    options = config.optimizer
    embeddings = {
        id(module.weight)
        for module in network.modules()
        if isinstance(module, nn.Embedding)
    }
    drawn: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for parameter in network.parameters():
        is_free = parameter.ndim < 2 or id(parameter) in embeddings
        (free if is_free else drawn).append(parameter)
    groups = [
        {"params": drawn, "weight_decay": options.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    if options.kind == "adamw":
        betas = (options.beta1, options.beta2)
        return torch.optim.AdamW(groups, lr=options.lr, betas=betas)
    momentum = options.momentum
    return torch.optim.SGD(
        groups, lr=options.lr, momentum=momentum, nesterov=momentum > 0
    )


def learning_rate(config: Config, step: int, n_steps: int) -> float:
    """The learning rate of a step, counted from 0.

    Examples:
        >>> from maou.train import Config
        >>> words = ["optimizer.lr=1", "optimizer.warmup_steps=2"]
        >>> config = Config.from_words([*words, "optimizer.final_lr=0"])
        >>> [round(learning_rate(config, step, 6), 3) for step in range(6)]
        [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    options = config.optimizer
    if step < options.warmup_steps:
        return options.lr * (step + 1) / options.warmup_steps
    if options.schedule == "constant":
        return options.lr
    done = (step - options.warmup_steps) / max(1, n_steps - options.warmup_steps)
    share = (1 + math.cos(math.pi * min(1.0, done))) / 2
    return options.lr * (options.final_lr + (1 - options.final_lr) * share)


@contextmanager
def _unsynced(forward: nn.Module, *, synced: bool) -> Iterator[None]:
    """Let DDP exchange gradients with the last part of a step alone."""
    module = getattr(forward, "_orig_mod", forward)
    if synced or not isinstance(module, DistributedDataParallel):
        yield
    else:
        with module.no_sync():
            yield


def _mean_network(network: Network, saved: checkpoints.Checkpoint | None) -> Network:
    """Make the network of the mean of weights."""
    ema: Network = copy.deepcopy(network).eval()
    ema.requires_grad_(requires_grad=False)
    if saved is not None and saved.ema is not None:
        ema.load_state_dict(dict(saved.ema))
    return ema


@torch.no_grad()
def _approach(ema: Network, network: Network, decay: float, step: int) -> None:
    """Move the mean towards the weights; faster in the first steps, which are poor."""
    decay = min(decay, step / (step + 9))
    now = network.state_dict()
    for name, mean in ema.state_dict().items():
        if mean.is_floating_point():
            mean.lerp_(now[name], 1 - decay)
        else:
            mean.copy_(now[name])
