"""``minicnn learn init``."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.learn.app import learn


@learn.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder for your work.")],
) -> None:
    """Make a folder for your lessons; nothing but you will change what you write in it."""
    from minicnn.learn.workspace import Workspace

    Workspace.init(folder)
    print(f"{folder} is the folder for your lessons.")
    print(f"\nNext:  cd {shlex.quote(str(folder))} && minicnn learn start 01")
