"""The version of maou, written here by `nox -s version`."""

__version__ = "0.1.0"
