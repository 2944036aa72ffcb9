"""What `predict` and `read` share: the loop over pictures, their figures, what is printed."""

import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from minicnn.cli.app import show
from minicnn.errors import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AnswerRow = dict[str, Any]
"""An answer as plain data; with an "error" in it, why there is none."""


def model_and_pictures(
    first: Path | None, others: Sequence[Path] | None, folders: bool = False
) -> tuple[Path, list[Path]]:
    """Tell a model from pictures: `first` is a model, or one more picture for the shipped one.

    - `folders`: take a folder full of pictures too.

    Raises `FileError` for what is there and is neither.
    """
    from minicnn.errors import FileError
    from minicnn.experiments.opening import READERS, SHIPPED, is_saved_model
    from minicnn.reader.picture import endings, is_picture

    pictures = list(others or ())
    if first is None:
        return SHIPPED, pictures
    if is_saved_model(first):
        return first, pictures
    if folders and first.is_dir():
        found = any(each.suffix.lower() in endings() for each in first.iterdir())
    else:
        found = is_picture(first)
    if found:
        return SHIPPED, [first, *pictures]
    if first.exists():
        raise FileError(
            f"{first}: neither a model, which is a run's folder or ends in {', '.join(READERS)}, "
            "nor a picture"
        )
    return first, pictures  # what is not there is missed as a model


def percent(share: float) -> str:
    """Format a probability for people."""
    return f"{100 * share:.1f} %"


def save_figure(figure: "Figure", name: str, folder: Path) -> str:
    """Save the figure under this name, numbered if there is one; its file's name.

    A field may be called "day/month", but a slash leads into another folder: it becomes a "-".
    """
    from minicnn.experiments.report import figures

    name = name.replace("/", "-").replace("\\", "-")
    file, number = f"{name}.png", 1
    while (folder / file).exists():
        number += 1
        file = f"{name}-{number}.png"
    figures.save(figure, folder / file)
    return file


def answer_all(
    paths: Sequence[Path],
    answer: Callable[[Path, Path | None], list[AnswerRow]],
    out: Path | None,
    finish: Callable[[list[AnswerRow]], None],
) -> None:
    """Answer every picture, under a bar, and finish with all rows; after Ctrl-C, with those read.

    - `answer`: gives the rows of a picture, and saves figures in the folder; what raises a
      `PictureError` becomes a row with the error.
    - `out`: the new folder for the figures; there are none if it is None.
    - `finish`: ends the command if there are errors.
    """
    from minicnn.files import new_folder

    rows: list[AnswerRow] = []
    stopped = None
    with contextlib.nullcontext() if out is None else new_folder(out) as folder:
        try:
            _answer_each(paths, answer, folder, rows)
        except KeyboardInterrupt as stop:
            stopped = stop
        if all("error" in row for row in rows):  # no figure, so no folder
            if stopped is not None:
                raise stopped
            finish(rows)
    try:
        finish(rows)
    finally:
        if stopped is not None:
            raise stopped


def _answer_each(
    paths: Sequence[Path],
    answer: Callable[[Path, Path | None], list[AnswerRow]],
    folder: Path | None,
    rows: list[AnswerRow],
) -> None:
    """Add the rows of every picture to `rows`."""
    from minicnn.errors import PictureError
    from minicnn.training.progress import steps

    with steps(len(paths)) as step:
        for path in paths:
            step(path.name)
            try:
                rows += answer(path, folder)
            except PictureError as error:  # one bad picture does not stop the others
                rows.append({"picture": str(path), "error": str(error)})


def show_rows(rows: Sequence[AnswerRow], table: Table, as_json: bool, *places: str) -> None:
    """Print answers, then errors; leave with exit code 2 if there are any errors.

    - `table`: of those that were read; `places`: where to look for more.
    """
    if as_json:
        print(json.dumps(list(rows), indent=2))
    elif table.row_count:
        show(table)
        for place in places:
            print(f"\n{place}")
    errors = [row for row in rows if "error" in row]
    for row in errors:
        print(printable(f"minicnn: {row['picture']}: {row['error']}"), file=sys.stderr)
    if errors:
        raise SystemExit(2)
