"""``minicnn learn sabotage``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minicnn.cli.learn.app import learn

if TYPE_CHECKING:
    from minicnn.learn.sabotage import Suspect


@learn.command()
def sabotage(
    mutant: Annotated[
        str | None,
        typer.Argument(
            metavar="[MUTANT]",
            help="A misconception, an exercise for one of its own, or EXERCISE:MISCONCEPTION; "
            "a surprise if not given.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=10, help="Steps of training.")] = 300,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Draws the surprise, the weights and the batches.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The picture; sabotage-1.png, -2, … if not given.")
    ] = None,
) -> None:
    """Train the same net right and with one part broken: say which from the two curves.

    You are asked in a terminal; elsewhere the answer follows at once.
    """
    import itertools

    import numpy as np

    from minicnn.data import mnist
    from minicnn.experiments.report.figures import save
    from minicnn.files import refuse_taken
    from minicnn.learn import library, sabotage
    from minicnn.training.progress import steps as bar

    known = sabotage.suspects(library.lessons())
    chosen = known if mutant is None else sabotage.find(mutant, known)
    names = (Path(f"sabotage-{number}.png") for number in itertools.count(1))
    picture = out or next(name for name in names if not name.exists())
    refuse_taken(picture)
    rng, data = np.random.default_rng(seed), mnist()[0][:10_000]
    with bar(1) as step:
        step("training twice, right and with one part broken")
        done = sabotage.experiment(chosen, data, steps, rng, visible=mutant is None)
    save(sabotage.figure(done.right, done.wrong), picture)
    print(
        f"The same net twice, {steps} steps of {done.optimizer} on MNIST; in one a part is broken."
    )
    print(f"\nLook:  {picture}\n")
    _ask(done.suspect, sabotage.choices(done, known, rng))
    if done.wrong.stopped:
        print(f"It ended in step {len(done.wrong.losses) + 1}: {done.wrong.stopped}")
    elif not sabotage.differ(done.right, done.wrong):
        print(
            "The curves hardly show it: a loss that falls proves little. A check sees it at once."
        )


def _ask(suspect: "Suspect", choices: list[str]) -> None:
    answer, right = "", suspect.exercise.name
    print("Which part is broken?")
    for number, name in enumerate(choices, 1):
        print(f"  {number}  {name}")
    if sys.stdin.isatty():
        while answer not in map(str, range(1, len(choices) + 1)):
            answer = typer.prompt("\nNumber")
        print("\nRight." if choices[int(answer) - 1] == right else "\nNo.", end=" ")
    else:
        print()
    print(f"It is {right} (lesson {suspect.lesson.number}), {suspect.mutant.name}:")
    print(suspect.mutant.says)
