"""What ends a training run, other than wrong usage."""

from __future__ import annotations


class TrainingError(Exception):
    """A run cannot go on: numbers that are none, or too little memory.

    The message says what helps; the last checkpoint is as it was.
    """
