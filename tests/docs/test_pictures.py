"""The pictures of the documentation are those that its code draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pictures

if TYPE_CHECKING:
    import pytest

IMAGES = Path(__file__).resolve().parents[2] / "docs/images"


def test_the_pictures_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    status = pictures.main(["--check"])
    assert status == 0, f"{capsys.readouterr().err}run `python scripts/pictures.py`"


def test_what_a_block_leaves_is_the_image_that_follows() -> None:
    page = (
        "```python\npicture = 1\n```\ntext\n```python\nother = picture + 1\n"
        "picture = other\n```\n![two](../images/two.svg)\n"
    )
    assert pictures.pictures(page) == {IMAGES / "two.svg": "2"}


def test_no_picture_is_left_over() -> None:
    shown = pictures.drawn()
    # That of the demo, which is on the first page.
    assert {*shown, IMAGES / "board.svg"} == set(IMAGES.iterdir())
