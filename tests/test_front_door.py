"""The front door: what ``import minicnn as mc`` offers is typed, complete, and quick to import."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minicnn

RIGHT = """
import numpy as np

import minicnn as mc
from minicnn import functional as F
from minicnn import nn, optim

train, test = mc.data.mnist()
model = nn.Sequential(
    nn.Conv2D(32, 3), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten(), nn.Dense(10),
    input_shape=(28, 28, 1),
)
history = mc.fit(model, train, optimizer=optim.Adam(1e-3), epochs=3, validation=0.1)
losses: list[float] = history["loss"]
accuracy: float = mc.evaluate(model, test).accuracy

optimizer, rng = optim.SGD(0.1, momentum=0.9), np.random.default_rng(0)
for images, labels in train.batches(128, rng):
    loss: mc.Tensor = F.softmax_cross_entropy(model(images, training=True), labels)
    model.zero_grad()
    loss.backward()
    optimizer.step(model.parameters())

mc.save_model("model.npz", model)
prediction = mc.predict(mc.load_model("model.npz"), "digit.png")
with mc.kernels.use("reference"), mc.no_grad():
    difference: mc.Tensor = (model(test.scaled()[:1]) - 1).sum()
"""

WRONG = """
import minicnn as mc
from minicnn import nn

train, test = mc.data.mnist()
model = nn.Sequential(nn.Flatten(), nn.Dense(10), input_shape=(28, 28, 1))

mc.ftt(1)
mc.fit(42, epohcs="x")
mc.fit(model)
mc.fit(model, train, epochs="3")
mc.evaluate(model, test).acuracy
mc.data.mnist("fashion")
mc.functional.relux(1)
mc.optim.Adam(lr="fast")
mc.zoo.build(3)
mc.metrics.acuracy([1], [1])
mc.load_model(5)
mc.Tensor(1.0).backwards()
mc.trace("loss")
nn.Conv2d(3, 3)
"""
"""From `mc.ftt(1)` on, every line is a mistake."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> Path:
    """A right program, a wrong one, and one that asks for the type of each name."""
    folder = tmp_path_factory.mktemp("user")
    asked = [f"reveal_type(mc.{name})" for name in minicnn.__all__]
    (folder / "right.py").write_text(RIGHT)
    (folder / "wrong.py").write_text(WRONG)
    (folder / "names.py").write_text("\n".join(["import minicnn as mc", *asked, ""]))
    return folder


def said_by_mypy(folder: Path, cache: Path) -> list[tuple[str, int, str, str]]:
    """``(file, line, severity, message)`` of everything that mypy says."""
    command = [sys.executable, "-m", "mypy", "--strict", "--output=json", "--config-file="]
    command += ["--cache-dir", str(cache), "right.py", "wrong.py", "names.py"]
    said = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=240
    )
    assert not said.stderr, said.stderr
    lines = map(json.loads, said.stdout.splitlines())
    return [(each["file"], each["line"], each["severity"], each["message"]) for each in lines]


def said_by_pyright(folder: Path) -> list[tuple[str, int, str, str]]:
    """The same from pyright; it counts lines from 0, and calls what it reveals information."""
    command = [shutil.which("pyright"), "--outputjson", "--pythonpath", sys.executable]
    said = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=240
    )
    lines = json.loads(said.stdout)["generalDiagnostics"]
    return [
        (
            Path(each["file"]).name,
            each["range"]["start"]["line"] + 1,
            each["severity"].replace("information", "note"),
            each["message"],
        )
        for each in lines
    ]


@pytest.fixture(scope="module", params=["mypy", "pyright"])
def said(request, programs) -> list[tuple[str, int, str, str]]:
    """What a type checker says of the three programs; mypy keeps what it learnt of NumPy."""
    if request.param == "mypy":
        return said_by_mypy(programs, request.config.cache.mkdir("types"))
    if shutil.which("pyright") is None:
        pytest.skip("pyright is not installed")
    return said_by_pyright(programs)


def test_a_right_program_has_no_type_errors(said):
    assert [each for each in said if each[0] == "right.py"] == []


def test_each_mistake_of_a_wrong_program_is_refused(said):
    first, last = WRONG[: WRONG.index("mc.ftt")].count("\n") + 1, WRONG.count("\n")
    refused = {
        line for file, line, severity, _ in said if (file, severity) == ("wrong.py", "error")
    }
    assert refused == {*range(first, last + 1)}


def test_every_public_name_has_a_type_of_its_own(said):
    """A name that a checker knows nothing of is revealed as Any or Unknown."""
    revealed = {
        line: text
        for file, line, severity, text in said
        if (file, severity) == ("names.py", "note")
    }
    types = dict(zip(minicnn.__all__, (revealed[line] for line in sorted(revealed)), strict=True))
    unknown = [name for name, text in types.items() if text.endswith(('"Any"', '"Unknown"'))]
    assert unknown == []
    assert [each for each in said if each[0] == "names.py" and each[2] == "error"] == []
    assert "label_smoothing" in types["fit"]
    assert "Dataset" in types["fit"]


def test_the_list_of_names_is_what_the_module_offers():
    """That each is found where the list says: `test_imports.py`."""
    tree = ast.parse(Path(minicnn.__file__).with_suffix(".pyi").read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in imports for alias in node.names]
    assert sorted(names) == sorted(set(names)) == minicnn.__all__
    assert "fit" in dir(minicnn)
    assert not hasattr(minicnn, "ftt")


def test_the_import_takes_less_than_a_third_of_a_second(run_python):
    program = "import time; t = time.perf_counter(); import minicnn; print(time.perf_counter() - t)"
    assert min(float(run_python("-c", program)) for _ in range(3)) < 0.3
