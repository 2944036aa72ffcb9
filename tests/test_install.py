"""The wheel: what is in it, and that it trains in an environment that never saw the checkout."""

import json
import os
import shlex
import subprocess
import sys
import sysconfig
import zipfile
from email.parser import Parser
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn.data import write_idx
from minicnn.examples import labelled

CHECKOUT = Path(__file__).parents[1]
IDX_FILES = {
    f"minicnn/data/mnist_idx/{part}-{kind}-ubyte.gz"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
}


def output(*command, **settings) -> str:
    """What a command prints; the whole of it is shown if it fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        **settings,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT]
    output(sys.executable, *build, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The scripts of a new environment with the wheel, and nothing else of this project, in it.

    Nothing is downloaded: what minicnn depends on is taken from the environment of the tests. Its
    folder goes onto the path as a line of a `.pth` file, for then Python reads no `.pth` file that
    lies there itself, and so not the one that would lead to the checkout.
    """
    folder = tmp_path_factory.mktemp("venv")
    output(sys.executable, "-m", "venv", "--without-pip", folder)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", scripts / "python", "--no-input"]
    output(*pip, "install", "--no-index", "--no-deps", "--quiet", wheel)
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    site = output(
        scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"
    )
    Path(site.strip(), "dependencies.pth").write_text("\n".join(sorted(packages)) + "\n")
    return scripts


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> Path:
    """A folder outside of the checkout, with a small data set in `tiny`."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "tiny").mkdir()
    rng = np.random.default_rng(0)
    for part, count in ("train", 100), ("t10k", 40):
        images = rng.integers(0, 256, (count, 8, 8), np.uint8)
        write_idx(folder / "tiny" / f"{part}-images-idx3-ubyte", images)
        write_idx(
            folder / "tiny" / f"{part}-labels-idx1-ubyte", (np.arange(count) % 4).astype("u1")
        )
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    info = f"minicnn_engine-{minicnn.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"minicnn", info}
    sources = {
        path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "minicnn").rglob("*.py")
    }
    assert sources <= names
    lessons = {
        f"minicnn/learn/lessons/{path.parent.name}/{path.name}"
        for path in (CHECKOUT / "lessons").glob("*/*")
        if path.is_file()
    }
    others = {name for name in names if name.startswith("minicnn/")} - sources - lessons
    assert lessons <= names
    examples = {f"minicnn/examples/{path.name}" for path in labelled()}
    texts = {
        "__init__.pyi",
        "py.typed",
        "zoo/best.npz",
        "data/mnist_idx/LICENSE.md",
        "examples/labels.json",
        "experiments/report/class_page.html.jinja",
        "reader/judge.npz",
        "experiments/report/data_page.md.jinja",
        "experiments/report/page.html.jinja",
        "experiments/report/run_page.md.jinja",
        "experiments/tune/page.md.jinja",
    }
    pages = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "minicnn" / "web").rglob("*.*")
        if path.suffix in {".html", ".jinja", ".css", ".js", ".svg"}
    }
    assert {"minicnn/web/static/index.html", "minicnn/web/static/draw/main.js"} <= pages
    assert others == {f"minicnn/{name}" for name in texts} | IDX_FILES | examples | pages
    assert {name for name in names if "/licenses/" in name} == {
        f"{info}/licenses/LICENSE",
        f"{info}/licenses/minicnn/data/mnist_idx/LICENSE.md",
    }


def test_the_files_in_the_wheel_are_those_of_the_checkout(wheel):
    with zipfile.ZipFile(wheel) as file:
        for name in file.namelist():
            if name.startswith("minicnn/"):
                path = CHECKOUT / name.removeprefix("minicnn/learn/" * name.count("/lessons/"))
                assert file.read(name) == path.read_bytes(), name


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as file:
        info = f"minicnn_engine-{minicnn.__version__}.dist-info"
        about = Parser().parsestr(file.read(f"{info}/METADATA").decode())
        scripts = file.read(f"{info}/entry_points.txt").decode()
    assert (about["Name"], about["Version"]) == ("minicnn-engine", minicnn.__version__)
    assert about["License-Expression"] == "MIT"
    assert about["Requires-Python"] == ">=3.11"
    assert {"keras", "test"} <= set(about.get_all("Provides-Extra"))
    assert "minicnn = minicnn.cli:main" in scripts


def test_the_installed_package_is_not_the_checkout(installed, elsewhere):
    code = "import minicnn; print(minicnn.__file__, minicnn.__version__)"
    path, version = output(installed / "python", "-c", code, cwd=elsewhere).split()
    assert Path(path).is_relative_to(installed.parent)
    assert version == minicnn.__version__
    code = "import sys; print(sys.path)"
    assert str(CHECKOUT) not in output(installed / "python", "-c", code, cwd=elsewhere)


def test_the_hint_on_a_missing_package_installs_this_very_wheel(wheel, installed, elsewhere):
    code = "from minicnn.bridge.extras import install_command; print(install_command('web'))"
    command = shlex.split(output(installed / "python", "-c", code, cwd=elsewhere))
    assert command[:2] == ["pip", "install"]
    pip = [sys.executable, "-m", "pip", "--python", installed / "python", "--no-input"]
    options = ["--dry-run", "--no-index", "--no-deps", "--force-reinstall"]
    said = output(*pip, *command[1:], *options, cwd=elsewhere)
    assert f"Would install minicnn-engine-{minicnn.__version__}" in said
    assert wheel.as_uri() in command[2]


def test_import_and_help_load_nothing_heavy(installed, elsewhere):
    code = (
        "import sys, minicnn, minicnn.cli;"
        "print(*{'numba', 'scipy', 'matplotlib', 'PIL', 'tensorflow'} & set(sys.modules))"
    )
    assert output(installed / "python", "-c", code, cwd=elsewhere).split() == []
    assert "evaluate" in output(installed / "minicnn", "--help", cwd=elsewhere)
    assert "evaluate" in output(installed / "python", "-m", "minicnn", "--help", cwd=elsewhere)


@pytest.mark.slow
def test_the_installed_package_trains_outside_of_the_checkout(installed, elsewhere):
    command = ["train", "mlp", "--epochs", 1, "--batch-size", 20, "--data", "tiny", "--json"]
    metrics = json.loads(output(installed / "minicnn", *command, "--out", "run", cwd=elsewhere))
    assert metrics == {"run": "run", **json.loads((elsewhere / "run/metrics.json").read_text())}
    evaluated = output(installed / "minicnn", "evaluate", "run", "--json", cwd=elsewhere)
    assert json.loads(evaluated)["test_accuracy"] == metrics["test_accuracy"]


@pytest.mark.slow
def test_a_student_works_from_the_installed_package(installed, elsewhere):
    output(installed / "minicnn", "learn", "init", "mine", cwd=elsewhere)
    mine = elsewhere / "mine"
    assert "07_convolution" in output(installed / "minicnn", "learn", "start", "07", cwd=mine)
    listed = json.loads(output(installed / "minicnn", "learn", "list", "--json", cwd=mine))
    (convolution,) = (each for each in listed if each["lesson"] == 7)
    assert convolution["exercises"] == {"im2col": "todo", "conv2d": "todo"}
    solve = "from minicnn.learn import library, script\nprint(script.solved(library.lesson(7)))"
    text = output(installed / "python", "-c", solve, cwd=mine)
    (mine / "07_convolution" / "lesson.py").write_text(text)
    assert "Lesson 7 is done" in output(installed / "minicnn", "learn", "check", cwd=mine)


def test_mnist_is_in_the_installed_package(installed, elsewhere):
    code = "import minicnn; print(*minicnn.data.mnist())"
    assert "60000 images (28, 28, 1) uint8, 10 classes" in output(
        installed / "python", "-c", code, cwd=elsewhere
    )
