"""The network and its losses: what each number of an output stands for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import maou
from maou import policy
from maou.train.config import LossConfig, ModelConfig
from maou.train.losses import MEASURES, losses, means, value_targets
from maou.train.network import Network, n_multiplications, n_weights

pytestmark = pytest.mark.torch

TINY = ModelConfig(size="1x4", embedding=3, value_channels=2, value_hidden=5)


def inputs(positions: maou.PositionArray, features: str) -> list[torch.Tensor]:
    found: Any = positions.features("dlshogi" if features == "dlshogi" else "compact")
    return [torch.from_numpy(array) for array in found]


@pytest.fixture(scope="module")
def positions() -> maou.PositionArray:
    board = maou.Board()
    boards = [board.copy()]
    for usi in ("7g7f", "3c3d", "8h2b+", "3a2b", "B*4e"):
        board.push_usi(usi)
        boards.append(board.copy())
    return maou.PositionArray.from_boards(boards)


@pytest.mark.parametrize("features", ["compact", "dlshogi"])
@pytest.mark.parametrize("classes", policy.SCHEMES)
def test_shapes(positions: maou.PositionArray, features: str, classes: int) -> None:
    network = Network(replace(TINY, features=features, classes=classes))
    logits, value = network(*inputs(positions, features))
    assert logits.shape == (6, classes)
    assert value.shape == (6,)
    assert (logits.dtype, value.dtype) == (torch.float32, torch.float32)


def test_a_logit_is_a_kind_of_move_to_a_square(positions: maou.PositionArray) -> None:
    """The label of 7g7f is 59: plane 0 (one step up), file 7, rank 6."""
    network = Network(TINY).eval()
    assert policy.TO_1496[59] == 53
    with torch.no_grad():
        network.policy.weight.zero_()
        network.policy_bias.zero_()
        network.policy_bias[0 * 81 + (7 - 1) * 9 + (6 - 1)] = 1
    logits, _ = network(*inputs(positions, "compact"))
    assert logits[0].argmax() == 59
    narrow = Network(replace(TINY, classes=1496)).eval()
    narrow.load_state_dict(network.state_dict())
    logits, _ = narrow(*inputs(positions, "compact"))
    assert logits[0].argmax() == 53


@pytest.mark.parametrize(
    ("features", "files", "ranks"),
    # The kernel's reach around 2c, and around the squares that the piece attacks.
    [("compact", [0, 1, 2], [1, 2, 3]), ("dlshogi", [0, 1, 2, 3], [0, 1, 2, 3, 4])],
)
def test_a_square_of_the_tower_is_a_square_of_the_board(
    features: str, files: list[int], ranks: list[int]
) -> None:
    sfens = [f"4k4/9/7{piece}1/9/9/9/9/9/4K4 b - 1" for piece in "GS"]
    positions = maou.PositionArray.from_sfens(sfens)
    network = Network(replace(TINY, size="1x64", features=features)).eval()
    first = network.stem(*inputs(positions, features))
    differs = (first[0] - first[1]).abs().sum(dim=0) > 1e-6  # [9 files, 9 ranks]
    assert differs.any(dim=1).nonzero().flatten().tolist() == files
    assert differs.any(dim=0).nonzero().flatten().tolist() == ranks


def test_the_1496_are_picked_of_the_2187(positions: maou.PositionArray) -> None:
    wide = Network(TINY).eval()
    narrow = Network(replace(TINY, classes=1496)).eval()
    narrow.load_state_dict(wide.state_dict())
    logits, value = wide(*inputs(positions, "compact"))
    picked, same = narrow(*inputs(positions, "compact"))
    labels = torch.from_numpy(policy.TO_2187.astype(np.int64))
    assert torch.equal(picked, logits[:, labels])
    assert torch.equal(value, same)


def test_both_colors_see_the_same(positions: maou.PositionArray) -> None:
    network = Network(TINY).eval()
    logits, value = network(*inputs(positions, "compact"))
    flipped, same = network(*inputs(positions.flip(), "compact"))
    assert torch.equal(logits, flipped)
    assert torch.equal(value, same)


def test_numbers_of_a_size_that_is_known() -> None:
    config = ModelConfig(size="10x192")
    network = Network(config)
    assert n_weights(network) == 7_401_644
    assert n_multiplications(config) == pytest.approx(545e6, rel=0.01)


def batch(**changes: Any) -> Any:
    """Three rows: two moves, one move, padding."""
    arrays: dict[str, Any] = {
        "policy_rows": [0, 0, 1, 2],
        "policy_labels": [3, 5, 9, 1],
        "policy_weights": [0.75, 0.25, 1.0, 1.0],
        "legal": None,
        "value": [1.0, 0.5, 0.0],
        "value_weight": [1.0, 1.0, 1.0],
        "eval_cp": [600.0, 0.0, 0.0],
        "eval_weight": [1.0, 0.0, 0.0],
        "weight": [2.0, 1.0, 0.0],
    } | changes
    return SimpleNamespace(
        **{
            name: value if value is None else torch.tensor(value)
            for name, value in arrays.items()
        }
    )


def test_losses_are_those_of_the_formula() -> None:
    logits = torch.randn(3, 12, generator=torch.Generator().manual_seed(1))
    value = torch.tensor([0.3, -2.0, 9.0])
    config = LossConfig(policy=2, value=3, value_lambda=0.5, eval_scale_cp=600)
    found = losses(logits, value, batch(), config)

    likely = np.exp(logits.numpy().astype(np.float64))
    likely /= likely.sum(axis=1, keepdims=True)
    wanted_policy = -2 * (0.75 * np.log(likely[0, 3]) + 0.25 * np.log(likely[0, 5]))
    wanted_policy -= np.log(likely[1, 9])
    targets = [0.5 * 1 + 0.5 / (1 + np.exp(-1)), 0.5]
    rates = 1 / (1 + np.exp(-np.array([0.3, -2.0])))
    entropies = [
        -(t * np.log(r) + (1 - t) * np.log(1 - r))
        for t, r in zip(targets, rates, strict=True)
    ]
    wanted_value = 2 * entropies[0] + entropies[1]
    sums = dict(zip(MEASURES, found.sums.tolist(), strict=True))
    assert sums["policy_loss"] == pytest.approx(wanted_policy, rel=1e-5)
    assert sums["value_loss"] == pytest.approx(wanted_value, rel=1e-5)
    wanted = 2 * wanted_policy + 3 * wanted_value
    assert float(found.total) == pytest.approx(wanted, rel=1e-5)
    assert sums["weight"] == sums["value_weight"] == 3
    # The second row is a draw, and the third is padding.
    assert sums["decided_weight"] == sums["value_accuracy"] == 2


def test_padding_counts_nothing() -> None:
    logits, value = torch.zeros(3, 12), torch.zeros(3)
    one = losses(logits, value, batch(), LossConfig())
    logits[2], value[2] = 50, -7
    other = losses(logits, value, batch(), LossConfig())
    assert torch.equal(one.total, other.total)
    assert torch.equal(one.sums, other.sums)


@pytest.mark.parametrize(
    ("share", "known", "target"),
    [
        (0.5, (1, 1), (1 + 0.7310586) / 2),
        (1.0, (1, 1), 1.0),
        (0.0, (1, 1), 0.7310586),
        # What is unknown is not missed, whatever its share.
        (0.5, (1, 0), 1.0),
        (0.0, (1, 0), 1.0),
        (0.5, (0, 1), 0.7310586),
        (1.0, (0, 1), 0.7310586),
    ],
)
def test_value_targets(share: float, known: tuple[int, int], target: float) -> None:
    weights = {"value_weight": [float(known[0])], "eval_weight": [float(known[1])]}
    rows = batch(value=[1.0], eval_cp=[600.0], **weights)
    found, is_known = value_targets(rows, LossConfig(value_lambda=share))
    assert float(found[0]) == pytest.approx(target)
    assert float(is_known[0]) == 1


def test_a_row_without_a_value_has_no_value_loss() -> None:
    rows = batch(value_weight=[0.0, 0.0, 0.0], eval_weight=[0.0, 0.0, 0.0])
    found = losses(torch.zeros(3, 12), torch.ones(3), rows, LossConfig())
    measures = means(found.sums)
    assert measures["value_loss"] is None
    assert measures["value_accuracy"] is None
    assert measures["policy_loss"] == pytest.approx(np.log(12))


def test_a_mask_leaves_illegal_moves_out() -> None:
    legal = [[label in moves for label in range(12)] for moves in ((3, 5), (9,), (1,))]
    logits = torch.zeros(3, 12)
    logits[:, 7] = 100
    config = LossConfig(legal_mask=True)
    found = losses(logits, torch.zeros(3), batch(legal=legal), config)
    sums = dict(zip(MEASURES, found.sums.tolist(), strict=True))
    assert sums["policy_loss"] == pytest.approx(2 * np.log(2))
    without = losses(logits, torch.zeros(3), batch(legal=legal), LossConfig())
    assert float(without.total) > 100


def test_accuracy_takes_the_move_that_was_played_most() -> None:
    logits = torch.zeros(3, 12)
    logits[0, 5], logits[1, 9] = 2, 1
    sums = losses(logits, torch.zeros(3), batch(), LossConfig()).sums
    at = dict(zip(MEASURES, sums.tolist(), strict=True))
    assert at["policy_accuracy"] == 1  # the second row alone
    # Of equally frequent moves each is right.
    rows = batch(policy_weights=[0.5, 0.5, 1.0, 1.0])
    sums = losses(logits, torch.zeros(3), rows, LossConfig()).sums
    at = dict(zip(MEASURES, sums.tolist(), strict=True))
    assert at["policy_accuracy"] == 3
