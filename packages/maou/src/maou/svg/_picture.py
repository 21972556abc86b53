"""Pictures as text, and as PNG."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maou._files import write_whole

if TYPE_CHECKING:
    from os import PathLike


class Svg(str):
    """SVG text, which notebooks show as a picture."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)

    def to_png(self, path: str | PathLike[str], scale: float = 1) -> Path:
        """Write the picture as PNG; the file appears whole or not at all.

        Args:
            path: File to write; one that is there is replaced.
            scale: Pixels for each pixel of the picture's own size.

        Returns:
            The path.

        Raises:
            ModuleNotFoundError: The extra `png` is not installed.
            ValueError: `scale` is not a number above 0.
        """
        target = Path(path)
        write_whole(target, png(self, scale))
        return target


def png(picture: str, scale: float = 1) -> bytes:
    """Draw a picture as PNG, through resvg: `pip install 'maou[png]'`.

    Args:
        picture: What `board` or `sheet` has returned.
        scale: Pixels for each pixel of the picture's own size.

    Returns:
        The bytes of a PNG file.

    Raises:
        ModuleNotFoundError: The extra `png` is not installed.
        ValueError: `scale` is not a number above 0.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"expected a scale above 0, found `{scale}`")
    try:
        resvg: Any = import_module("resvg_py")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "PNG needs resvg-py: `pip install 'maou[png]'` installs it,"
            " and `uv sync --extra png` in a clone",
            name="resvg_py",
        ) from error
    # Without text there is nothing to look for in the fonts of the system.
    rendered = resvg.svg_to_bytes(
        svg_string=str(picture),
        zoom=scale,
        skip_system_fonts="<text" not in picture,
    )
    return bytes(rendered)
