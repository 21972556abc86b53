"""The network: a residual tower that sees 9 x 9 squares and says policy and value.

Axes: B positions of a batch, C channels, 9 files, 9 ranks, as the side to move sees the
board. Square = 9 · file + rank, so that a tensor [B, C, 81] is [B, C, 9, 9] without a
copy, in dlshogi's planes as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from maou import policy

if TYPE_CHECKING:
    from maou.train.config import ModelConfig

N_PIECE_IDS = 29
"""Empty, 14 own pieces, 14 of the other side."""
N_KINDS_OF_MOVES = 27
"""Planes of the policy: 20 directions of moves, 7 drops."""
MOST_IN_HAND = (18, 4, 4, 4, 4, 2, 2)
"""Pieces that a hand can hold, P L N S G B R."""


class CompactStem(nn.Module):
    """Piece ids and hands → C channels on every square."""

    def __init__(self, embedding: int, channels: int) -> None:
        """Make an embedding of piece ids and a convolution."""
        super().__init__()
        self.pieces = nn.Embedding(N_PIECE_IDS, embedding)
        self.conv = nn.Conv2d(embedding + 14, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        most = torch.tensor(MOST_IN_HAND * 2, dtype=torch.float32)
        self.register_buffer("most_in_hand", most, persistent=False)

    def forward(self, board: Tensor, hand: Tensor) -> Tensor:
        """Board uint8[B, 81], hand uint8[B, 14] → [B, C, 9, 9]."""
        pieces = self.pieces(board.long())  # [B, 81, E]
        pieces = pieces.transpose(1, 2).reshape(-1, pieces.shape[2], 9, 9)
        hands = hand.to(pieces.dtype) / self.most_in_hand  # [B, 14], 0 to 1
        hands = hands[:, :, None, None].expand(-1, -1, 9, 9)
        x = self.conv(torch.cat([pieces, hands], dim=1))
        return functional.relu(self.norm(x))


class DlshogiStem(nn.Module):
    """dlshogi's planes → C channels on every square."""

    def __init__(self, channels: int) -> None:
        """Make a convolution for each of the two inputs."""
        super().__init__()
        self.board = nn.Conv2d(62, channels, 3, padding=1, bias=False)
        # Planes that are full or empty: one square sees all of them.
        self.hand = nn.Conv2d(57, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """float32[B, 62, 9, 9], float32[B, 57, 9, 9] → [B, C, 9, 9]."""
        return functional.relu(self.norm(self.board(input1) + self.hand(input2)))


class Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, channels: int) -> None:
        """Make the layers."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        # A new block changes nothing: deep towers learn from the first step.
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, 9, 9] → the same."""
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(x + self.norm2(self.conv2(y)))


class Network(nn.Module):
    """The tower and its two heads.

    `network(board, hand)`, or `network(input1, input2)` for dlshogi's planes, returns

    - `policy_logits`: float[B, classes], the classes of `maou.policy`;
    - `value_logit`: float[B]; its sigmoid is the score that the side to move expects,
      in [0, 1].
    """

    def __init__(self, config: ModelConfig) -> None:
        """Make a network with random weights, from torch's generator."""
        super().__init__()
        channels = config.channels
        self.stem: nn.Module = (
            CompactStem(config.embedding, channels)
            if config.features == "compact"
            else DlshogiStem(channels)
        )
        self.tower = nn.Sequential(*(Block(channels) for _ in range(config.blocks)))
        # A plane for each kind of move, a logit for each square: 81 · kind + square.
        self.policy = nn.Conv2d(channels, N_KINDS_OF_MOVES, 1, bias=False)
        self.policy_bias = nn.Parameter(torch.zeros(N_KINDS_OF_MOVES * 81))
        labels = None
        if config.classes != policy.TO_1496.size:
            labels = torch.from_numpy(policy.TO_2187.astype("int64"))
        self.register_buffer("labels", labels, persistent=False)
        self.value_conv = nn.Conv2d(channels, config.value_channels, 1, bias=False)
        self.value_norm = nn.BatchNorm2d(config.value_channels)
        self.value1 = nn.Linear(config.value_channels * 81, config.value_hidden)
        self.value2 = nn.Linear(config.value_hidden, 1)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """The two inputs of the features → policy logits, value logit."""
        x = self.tower(self.stem(first, second))  # [B, C, 9, 9]
        logits = self.policy(x).flatten(1) + self.policy_bias  # [B, 27 · 81]
        if self.labels is not None:
            logits = logits[:, self.labels]  # [B, 1496]
        v = functional.relu(self.value_norm(self.value_conv(x))).flatten(1)
        v = self.value2(functional.relu(self.value1(v)))  # [B, 1]
        return logits, v.squeeze(1)


def n_weights(network: nn.Module) -> int:
    """Count the numbers that are learned."""
    return sum(parameter.numel() for parameter in network.parameters())


def n_multiplications(config: ModelConfig) -> int:
    """Count the multiplications that one position takes, forward."""
    channels = config.channels
    if config.features == "compact":
        stem = 81 * 9 * (config.embedding + 14) * channels
    else:
        stem = 81 * (9 * 62 + 57) * channels
    tower = 81 * 9 * 2 * config.blocks * channels**2
    heads = 81 * channels * (N_KINDS_OF_MOVES + config.value_channels)
    value = config.value_hidden * (81 * config.value_channels + 1)
    return stem + tower + heads + value
