"""Check that the compiled half is there and speaks the interface that maou wants."""

from __future__ import annotations

from maou._version import __version__

INTERFACE = 5
"""Number of the interface of maou-rust, described by its stubs, that maou calls."""


def remedy() -> str:
    """Name the commands that install the extension which belongs to this maou."""
    if ".dev" in __version__:
        # A build of main, which no index has: it came with the list of a release.
        return (
            "install both again with the line that installed maou,"
            " `pip install -r …/releases/download/latest/colab.txt`"
        )
    return (
        f'install it with `pip install "maou-rust=={__version__}"`,'
        " or in a checkout with `uv sync --reinstall-package maou-rust`"
    )


def check() -> None:
    """Compare the extension with what maou wants.

    What may run together is told by the interface number and not by the version: a
    checkout's maou runs with a prebuilt wheel of the development line.

    Raises:
        ImportError: maou-rust is missing, broken, or of another interface.
    """
    wanted = f"maou {__version__} needs maou-rust {__version__} (interface {INTERFACE})"
    try:
        import maou_rust
    except ModuleNotFoundError as error:
        if error.name != "maou_rust":
            raise
        message = f"{wanted}, which is not installed: {remedy()}"
        raise ImportError(message, name="maou_rust") from None
    except ImportError as error:
        message = f"{wanted}, which is installed but does not load ({error}): "
        raise ImportError(message + remedy(), name="maou_rust") from error
    found = getattr(maou_rust, "INTERFACE", None)
    if found != INTERFACE:
        version = getattr(maou_rust, "__version__", "of unknown version")
        message = f"{wanted}, found maou-rust {version} (interface {found}): {remedy()}"
        raise ImportError(message, name="maou_rust")
