"""The page of the commands: what there is to do, and what each says of itself."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import typer

from minicnn.cli import app

HERE = Path(__file__).parent


def write_page(folder: Path) -> str:
    """Write the page, and give its place."""
    texts = [(HERE / "commands.md").read_text(), "## What each command says of itself\n"]
    lines = [*_commands(typer.main.get_command(app), ("minicnn",))]
    with ThreadPoolExecutor(2) as pool:
        for words, said in zip(lines, pool.map(_help, lines), strict=True):
            texts.append(f"### {' '.join(words)}\n\n```text\n{said}\n```\n")
    (folder / "commands.md").write_text("\n".join(texts))
    return "commands.md"


def _commands(command: object, words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every command that does something, by the words that call it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return [words]
    return [found for name, each in inner.items() for found in _commands(each, (*words, str(name)))]


def _help(words: tuple[str, ...]) -> str:
    """The help of a command, without the frame that a terminal gets."""
    command = [sys.executable, "-m", *words, "--help"]
    environment = os.environ | {"TYPER_USE_RICH": "0", "COLUMNS": "92", "TERMINAL_WIDTH": "92"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return said.stdout.replace("python -m minicnn", "minicnn").strip()
