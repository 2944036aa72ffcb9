"""What comes back from the student's process: arrays and a little JSON, never a pickle."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.learn.outcome import Failure, Outcome


def write(place: Path, status: str, outcomes: list[Outcome], stop: Failure | None) -> None:
    arrays = {f"{i}/{n}": a for i, o in enumerate(outcomes) for n, a in o.arrays.items()}
    with open(place / "arrays.npz", "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    about = {
        "status": status,
        "stop": stop and asdict(stop),
        "outcomes": [
            {"wrong_type": o.wrong_type, "views": o.views, "stop": o.stop and asdict(o.stop)}
            for o in outcomes
        ],
    }
    (place / "partial.json").write_text(json.dumps(about), encoding="utf-8")
    os.replace(place / "partial.json", place / "answer.json")


def read(place: Path) -> tuple[str | None, list[Outcome], Failure | None]:
    """Return the answer; None for its status if there is no whole one."""
    answer, values = place / "answer.json", place / "arrays.npz"
    try:
        if not (answer.is_file() and values.is_file()):  # but a pipe, which would not end
            return None, [], None
        about = json.loads(answer.read_text(encoding="utf-8"))
        with np.load(values, allow_pickle=False) as archive:
            arrays: list[dict[str, np.ndarray]] = [{} for _ in about["outcomes"]]
            for key in archive.files:
                number, _, name = key.partition("/")
                arrays[int(number)][name] = archive[key]
        outcomes = [
            Outcome(named, one["wrong_type"], tuple(one["views"]), _stop(one["stop"]))
            for one, named in zip(about["outcomes"], arrays, strict=True)
        ]
        return str(about["status"]), outcomes, _stop(about["stop"])
    except Exception:  # the student's code can have left anything there
        return None, [], None


def _stop(value: dict[str, Any] | None) -> Failure | None:
    return Failure(**value) if value else None
