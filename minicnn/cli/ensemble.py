"""``minicnn ensemble``."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import JsonOption, app, show_facts


@app.command()
def ensemble(
    run: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Two or more folders of runs, or models' files: .npz, .keras or .h5.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file to write, new, with a name in .npz.")],
    as_json: JsonOption = False,
) -> None:
    """Join trained models into one that gives the mean of their probabilities."""
    from minicnn.errors import WriteError
    from minicnn.experiments.ensembles import ensemble as join
    from minicnn.training.checkpoint import save_model

    if out.suffix != ".npz":
        raise typer.BadParameter(f"--out {out}: the name must end in .npz")
    if out.exists():
        raise WriteError(f"{out} exists already and is not overwritten; choose another name")
    model = join(run)
    save_model(out, model)
    figures = {
        "file": str(out),
        "members": [str(path) for path in run],
        "parameters": model.parameter_count(),
        "bytes": out.stat().st_size,
    }
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    show_facts(
        [
            ("file", str(out)),
            ("size", f"{out.stat().st_size / 1024:,.0f} KB"),
            ("members", str(len(run))),
            ("parameters", f"{model.parameter_count():,}"),
        ]
    )
    name = shlex.quote(str(out))
    print(f"\nNext:  minicnn evaluate {name}    minicnn predict {name} --examples")
