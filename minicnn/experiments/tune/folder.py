"""The folder of a search: begun once, by whichever process is first, and its results written."""

from pathlib import Path

from minicnn.errors import WriteError
from minicnn.experiments.report.html import html
from minicnn.experiments.tune.found import Tuning
from minicnn.experiments.tune.page import tuning_page
from minicnn.experiments.tune.plan import Plan
from minicnn.files import atomic, refuse_taken, sweep
from minicnn.plain_data import read_json, write_json


def begin(folder: Path, plan: Plan) -> None:
    """Make the folder of a search, or see that it is the one of this plan.

    Raises `FileError` or `WriteError` for one that holds anything else.
    """
    path = folder / "study.json"
    try:
        if not path.exists():
            refuse_taken(folder)
            folder.mkdir(parents=True, exist_ok=True)
            write_json(path, plan.to_dict(), overwrite=False)
    except WriteError:
        if not path.exists():  # else another process was quicker
            raise
    sweep(folder)
    plan.refuse_other(read_json(path), str(folder))


def write_results(found: Tuning) -> None:
    """Write what was found, each file whole; those of an earlier time are replaced."""
    folder = found.folder
    write_json(folder / "trials.json", found.to_dict())
    if found.settings is None:
        return
    write_json(folder / "best.json", found.settings.to_dict())
    page = tuning_page(found)
    with atomic(folder / "tuning.html") as partial:
        partial.write_text(html(page), encoding="utf-8")
    (folder / "figures").mkdir(exist_ok=True)
    for picture in page.pictures:
        with atomic(folder / "figures" / f"{picture.name}.png") as partial:
            partial.write_bytes(picture.png)
