"""The folder of a search: begun once, by whichever process is first, and its results written."""

import json
from dataclasses import asdict
from pathlib import Path

from minicnn.errors import CheckpointError
from minicnn.experiments.report.html import html
from minicnn.experiments.tune.found import Tuning
from minicnn.experiments.tune.page import tuning_page
from minicnn.experiments.tune.plan import Plan
from minicnn.files import atomic, refuse_taken, write_json


def begin(folder: Path, plan: Plan) -> None:
    """Make the folder of a search, or see that it is the one of this plan.

    Raises `CheckpointError` or `WriteError` for one that holds anything else.
    """
    path = folder / "study.json"
    if path.exists():
        plan.refuse_other(_read(path), str(folder))
        return
    if folder.is_dir() and all(each.name.startswith(".") for each in folder.iterdir()):
        pass  # empty, but for what another process is writing at this moment
    else:
        refuse_taken(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, plan.to_dict())


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON: {error}") from error


def write_results(found: Tuning) -> None:
    """Write what was found, each file whole; those of an earlier time are replaced."""
    folder = found.folder
    write_json(folder / "trials.json", found.to_dict())
    if found.settings is None:
        return
    write_json(folder / "best.json", asdict(found.settings))
    page = tuning_page(found)
    with atomic(folder / "tuning.html") as partial:
        partial.write_text(html(page), encoding="utf-8")
    (folder / "figures").mkdir(exist_ok=True)
    for picture in page.pictures:
        with atomic(folder / "figures" / f"{picture.name}.png") as partial:
            partial.write_bytes(picture.png)
