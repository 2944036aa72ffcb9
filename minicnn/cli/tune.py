"""``minicnn tune``."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minicnn.cli.app import DataOption, JsonOption, PrefixOption, app, show_facts

if TYPE_CHECKING:
    from minicnn.experiments.tune import Tuning


@app.command()
def tune(
    model: Annotated[str, typer.Argument(help="One of `minicnn models`.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="A new folder, or one of the same search to go on with or to join; "
            "runs/MODEL-tuning if not given."
        ),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="How many, in all.")] = 30,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Begin no trial after so many seconds.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of each trial; the recipe's if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="For the search and every training.")] = 0,
    validation: Annotated[
        float, typer.Option(help="Share of the training set held out to choose by.")
    ] = 0.1,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME,…", help="Search only these, such as lr,batch_size."),
    ] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Give a setting one value; may be repeated."),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Keep the study in a database, for machines that share no folder: "
            "postgresql://user:password@host/name, or mysql://…, its driver installed. Its name "
            "there is that of the folder --out.",
        ),
    ] = None,
    data: DataOption = None,
    prefix: PrefixOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search the settings that train a model best, by validation accuracy (needs Optuna).

    The same command goes on where it was stopped: finished trials are kept, those of processes
    that were killed are tried again. Start it several times at once, on any machines that share the
    folder, and they share the work. Where there is no such folder, --storage takes a database.
    """
    from minicnn.experiments import tune as tuning

    found = tuning.tune(
        model,
        out=out,
        trials=trials,
        timeout=timeout,
        epochs=epochs,
        seed=seed,
        validation=validation,
        only=[name for each in only or () for name in each.replace(",", " ").split()] or None,
        fix=dict(_pair(each) for each in fix or ()),
        data=data,
        prefix=prefix,
        storage=storage,
    )
    if as_json:
        print(json.dumps({"folder": str(found.folder), **found.to_dict()}, indent=2))
    else:
        _show(found)
    if found.interrupted:
        if not as_json:
            print("Stopped early. To go on, give the same command again.")
        raise SystemExit(130)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--fix takes NAME=VALUE, such as lr=0.001; got {text!r}")
    return name.strip(), value.strip()


def _show(found: "Tuning") -> None:
    from minicnn.experiments.tune.watch import in_words

    if found.best is None:
        print(f"No trial is complete yet, of {found.wanted}.")
        return
    facts = [
        ("validation accuracy", f"{found.best.accuracies[-1]:.4f}, trial {found.best.number}"),
        ("settings", in_words(found.best.values)),
        ("trials", f"{found.count('complete')} complete, {found.count('pruned')} pruned"),
    ]
    show_facts(facts, found.folder / "tuning.html")
    print(f"Next:  minicnn train --config {shlex.quote(str(found.folder / 'best.json'))}")
