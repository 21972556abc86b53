"""What tests with torch need; without torch none of them is read.

`nox -s torch` has it, in one interpreter; every test here carries the marker `torch` or
`learn`, which the other sessions leave out.
"""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]
