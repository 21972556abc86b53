"""The options of a training run: read, checked and written without torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from maou import UsageError
from maou.train import PRESETS, Config
from maou.train.config import ModelConfig, difference

if TYPE_CHECKING:
    from collections.abc import Callable


def test_options_need_no_torch(python_run: Callable[[str], str]) -> None:
    code = """
import sys
sys.modules["torch"] = None
import maou
print(maou.train.Config().model.size)
try:
    maou.train.load("nowhere")
except ModuleNotFoundError as error:
    print(error)
"""
    size, sentence = python_run(code).splitlines()
    assert size == "10x192"
    assert sentence.startswith("needs torch: `uv sync --extra cpu` in a clone")
    assert "torch" not in sys.modules or sys.modules["torch"] is not None


def test_the_docs_list_every_option() -> None:
    page = Path(__file__).parents[2] / "docs/commands/train.md"
    text = page.read_text(encoding="utf-8")
    assert text.partition("```toml\n")[2].partition("```")[0] == Config().toml()


def test_presets_are_sizes() -> None:
    first, *_, last = [ModelConfig(size=size) for size in PRESETS]
    assert (first.blocks, first.channels) == (2, 32)
    assert (last.blocks, last.channels) == (20, 256)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    words = ["model.size=2x32", "model.classes=1496", "optimizer.lr=1e-30"]
    words += ["run.compile=true", "run.device=cuda:1", "loss.value_lambda=0"]
    config = Config.from_words(words)
    path = tmp_path / "config.toml"
    path.write_text(config.toml(), encoding="utf-8")
    assert Config.from_file(path) == config
    assert difference(Config(), config) == {
        "model.size": ("10x192", "2x32"),
        "model.classes": (2187, 1496),
        "optimizer.lr": (1e-3, 1e-30),
        "run.compile": (False, True),
        "run.device": ("auto", "cuda:1"),
        "loss.value_lambda": (0.7, 0.0),
    }


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lr=0.1", "expected section.option=value such as optimizer.lr=0.1, found"),
        ("optimizer.lr", "expected section.option=value such as optimizer.lr=0.1"),
        ("optimiser.lr=1", "`optimiser`: expected one of model, data, loss, optimizer"),
        ("model.depth=3", "`model.depth`: expected one of size, features, classes"),
        ("model.size=3", "`model.size`: expected blocks x channels such as 2x32, "),
        ("model.size=0x32", "found `0x32`"),
        ("model.classes=1400", "`model.classes`: expected one of 2187, 1496, found"),
        ("model.classes=x", "`model.classes`: expected a whole number, found `x`"),
        (
            "data.batch_size=0",
            "`data.batch_size`: expected a number from 1 to 1677",
        ),
        ("data.batch_size=1.5", "`data.batch_size`: expected a whole number, found"),
        ("optimizer.lr=-1", "`optimizer.lr`: expected a number from 0, found `-1.0`"),
        ("optimizer.lr=nan", "`optimizer.lr`: expected a number, found `nan`"),
        ("optimizer.lr=true", "`optimizer.lr`: expected a number, found `True`"),
        ("optimizer.kind=adam", "`optimizer.kind`: expected one of adamw, sgd, found"),
        ("loss.value_lambda=2", "`loss.value_lambda`: expected a number from 0 to 1"),
        ("run.device=gpu", "`run.device`: expected auto, cpu, cuda, cuda:N or mps"),
        ("run.amp=half", "`run.amp`: expected one of off, bf16, fp16, found `half`"),
        ("run.compile=1", "`run.compile`: expected true or false, found `1`"),
    ],
)
def test_a_wrong_word_is_named(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Config.from_words([word])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[model\n", "config.toml:1:7: expected ']' at the end of a table declaration"),
        ("model = 3\n", "config.toml: `model`: expected a table, found `3`"),
        (
            "[model]\nsize = 3\n",
            "config.toml: `model.size`: expected a word, found",
        ),
        ("[run]\nepochs = 0\n", "config.toml: `run.epochs`: expected a number from 1"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        Config.from_file(path)
    assert message in str(caught.value)


def test_a_loss_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"`loss.policy`, `loss.value`: expected one"):
        Config().merged({"loss": {"policy": 0, "value": 0}})
