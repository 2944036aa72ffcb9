"""The page for those who come from elsewhere: every row of its tables runs on both sides.

Where both sides give numbers they are equal; where both give a layer, it makes the same shape.
"""

from importlib.util import find_spec

import pytest

from .coming_from import PACKAGE, PAGE, failures, rows, sections
from .markdown import CHECKOUT


def test_the_page_has_rows_for_each():
    assert {name: len(rows(text)) > 7 for name, text in sections().items()} == dict.fromkeys(
        PACKAGE, True
    )
    # A line of a table that is no row would not be run.
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert len(lines) == sum(len(rows(text)) for text in sections().values())


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("package", ["Keras", "scikit-learn"])
def test_every_row_runs_and_both_sides_agree(package, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert failures(package) == {}


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_every_row_of_pytorch(run_python, tmp_path, monkeypatch):
    """In a process of its own: TensorFlow and PyTorch do not share one well."""
    monkeypatch.chdir(tmp_path)
    said = run_python("-m", "tests.coming_from", "PyTorch", PYTHONPATH=str(CHECKOUT))
    assert said.splitlines()[-1] == "Failed: {}"
