"""The notebooks are whole and have no outputs; Colab's says what its page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guides/colab.md").read_text(encoding="utf-8")
NOTEBOOKS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs/guides").glob("*.ipynb"))
}
NOTEBOOK: dict[str, Any] = json.loads(NOTEBOOKS["colab"])
every_notebook = pytest.mark.parametrize("text", NOTEBOOKS.values(), ids=NOTEBOOKS)
LINE = (
    "!uv pip install --system -r"
    " https://github.com/OWNER/maou/releases/download/latest/colab.txt"
)


@every_notebook
def test_its_form_is_nbformat_4(text: str) -> None:
    notebook = json.loads(text)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert re.fullmatch(r"[\w-]{1,64}", cell["id"])
        wanted = {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            wanted |= {"execution_count", "outputs"}
        assert set(cell) == wanted
        lines = cell["source"]
        assert all(line.endswith("\n") for line in lines[:-1])
        assert not lines[-1].endswith("\n")


@every_notebook
def test_nothing_of_a_run_is_in_it(text: str) -> None:
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert json.dumps(notebook, indent=1, ensure_ascii=False) + "\n" == text


@every_notebook
def test_it_installs_the_newest_build(text: str) -> None:
    code = [c["source"] for c in json.loads(text)["cells"] if c["cell_type"] == "code"]
    assert LINE in [line.strip() for line in code[0]]


def test_its_cells_are_those_of_the_page() -> None:
    code = [
        "".join(cell["source"])
        for cell in NOTEBOOK["cells"]
        if cell["cell_type"] == "code"
    ]
    assert code[0] == LINE
    assert f"```text\n{LINE}\n```" in GUIDE
    assert "```text\n{}\n{}\n```".format(*code[1:3]) in GUIDE
    assert f"```python\n{code[3]}\n```" in GUIDE
    assert len(code) == 4


def test_the_page_names_one_address() -> None:
    addresses = set(re.findall(r"https://github\.com/\S+/colab\.txt", GUIDE))
    assert addresses == {LINE.rsplit(maxsplit=1)[-1]}
