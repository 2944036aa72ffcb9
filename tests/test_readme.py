"""The README: every command and code block in it runs, and what it says of the tree is true."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from benchmarks import publish
from minicnn import data
from minicnn.examples import labelled

from .markdown import CHECKOUT, blocks, commands, dead_links
from .patterns import write_data

README = CHECKOUT / "README.md"

SLOW = {"train best", "train tiny-best", "train speedrun", "compare mlp cnn_light --keras"}


def quickly(tiny: Path) -> dict[str, list[object]]:
    """What makes a command quick that would take minutes, by its first words."""
    few = ["--data", tiny, "--epochs", 1]
    return {
        "train": [*few, "--batch-size", 20],
        "compare": few,
    }


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Where a reader works: a picture of a digit is there, and a class's folders."""
    shutil.copy(min(labelled()), tmp_path / "digit.png")
    write_data(tmp_path / "tiny", size=28, classes=10)
    (tmp_path / "SUBMISSIONS" / "ada" / "01_scalars").mkdir(parents=True)
    (tmp_path / "SUBMISSIONS" / "ada" / "01_scalars" / "lesson.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_slow(line: str) -> bool:
    return any(line.startswith(f"minicnn {each}") for each in SLOW)


def run(line: str, command, folder: Path) -> None:
    """Run a command of the README as its reader would, but quickly."""
    more = next((v for k, v in quickly(folder / "tiny").items() if f"minicnn {k}" in line), [])
    result = command(*shlex.split(line)[1:], *more)
    assert result.code == 0, f"{line}: {result.err}"


def test_it_is_short_and_its_links_lead_somewhere():
    assert len(README.read_text().splitlines()) <= 140
    assert dead_links(README) == []


def test_the_shell_blocks_install_train_and_test(tmp_path):
    """They are run for real by `.ci/run`; here other programs of the same names say what came."""
    for name in "pip", "minicnn", "pytest":
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} "$@"\n')
        program.chmod(0o755)
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    said = [
        subprocess.run(
            ["sh", "-euc", block], env=path, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for block in blocks(README, "sh")
    ]
    assert said == [
        ["pip install .", "minicnn train"],
        ["pip install -e .[test]", "pytest"],
    ]


def test_the_python_blocks_run_one_after_the_other(monkeypatch, capsys):
    train, test = data.mnist()
    monkeypatch.setattr(data, "mnist", lambda: (train[:600], test[:200]))
    names: dict[str, object] = {}
    for block in blocks(README, "python"):
        exec(compile(block, "README.md", "exec"), names)
    assert len(names["history"]["loss"]) == 3
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["README.md", ".ci/site/commands.md"])
def test_the_commands_have_the_arguments_and_options_that_they_name(page, command, monkeypatch):
    """Each is read to its end, and not carried out: that is the next test, and takes longer."""
    monkeypatch.setattr(typer.core.TyperCommand, "invoke", lambda *_: None)
    lines = [line for line in commands(CHECKOUT / page) if line.startswith("minicnn")]
    assert len(lines) > 8
    for line in lines:
        result = command(*shlex.split(line)[1:])
        assert result.code == 0, result.err


@pytest.mark.slow
def test_the_commands_run_in_the_order_of_the_page(command, folder, monkeypatch):
    run("minicnn train", command, folder)
    for line in commands(README):
        if not line.startswith("minicnn") or line.startswith("minicnn serve") or is_slow(line):
            continue
        if "learn start" in line:
            with monkeypatch.context() as inside:
                inside.chdir(folder / "mine")
                run(line, command, folder)
        else:
            run(line, command, folder)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_commands_that_take_longer_run_too(command, folder):
    for line in filter(is_slow, commands(README)):
        run(line, command, folder)


@pytest.mark.usefixtures("_interruptible")
def test_the_page_to_draw_on_is_served(folder):
    (line,) = (line for line in commands(README) if line.startswith("minicnn serve"))
    command = [sys.executable, "-m", *shlex.split(line), "--port", "0"]
    environment = os.environ | {"BROWSER": "true"}
    with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE) as service:
        try:
            assert "served at http://127.0.0.1:" in service.stdout.readline()
        finally:
            service.terminate()


@pytest.mark.slow
def test_the_benchmarks_run(tmp_path, run_python, monkeypatch):
    """All of them take minutes; one of its sections on one model says that the command works."""
    monkeypatch.chdir(CHECKOUT)
    (line,) = (line for line in commands(README) if line.startswith("python -m benchmarks -"))
    one = ["--only", "latency", "--models", "mlp", "--against", "none", "--out", str(tmp_path)]
    run_python(*shlex.split(line)[1:], *one)
    assert (tmp_path / "results.md").is_file()


def test_the_commands_of_the_checkout_are_there():
    for line in commands(README):
        if line.startswith(".ci/"):
            assert os.access(CHECKOUT / line, os.X_OK), line


def test_the_figures_are_those_of_the_result_files():
    for page, text in publish.pages(CHECKOUT / "benchmarks" / "results").items():
        assert page.read_text() == text, "python -m benchmarks.publish"


def test_the_map_of_the_tree_is_true():
    (tree,) = blocks(README, "")
    told: dict[str, set[str]] = {".": set(), "minicnn": set()}
    for line in tree.splitlines():
        inside = line.startswith("  ")
        names = line.strip().split("  ")[0].split()
        told["minicnn" if inside else "."] |= {name.rstrip("/") for name in names}
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    paths = [Path(line).parts for line in tracked]
    top = {parts[0] for parts in paths}
    assert told["."] <= top
    assert {name for name in top - told["."] if not name.startswith(".")} == set()
    assert told["minicnn"] == {parts[1] for parts in paths if parts[0] == "minicnn"}
