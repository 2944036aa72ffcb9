"""``minicnn teach verify``."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from minicnn.cli.app import JsonOption, show
from minicnn.cli.teach.app import teach

if TYPE_CHECKING:
    from minicnn.learn.verify import Proof


@teach.command()
def verify(
    number: Annotated[
        int | None, typer.Argument(metavar="[NN]", help="One lesson; all if not given.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Checks that run at once.")] = 2,
    notebooks: Annotated[bool, typer.Option(help="Execute the notebooks too.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Prove the lessons: what is right passes, and every known mistake is named.

    The exit code is 0 if all is proven, else 1.
    """
    from minicnn.learn import library
    from minicnn.learn.verify import verify
    from minicnn.training.progress import steps

    chosen = library.lessons() if number is None else [library.lesson(number)]
    with steps(len(chosen)) as step:
        proofs = verify(chosen, library.lessons(), jobs, notebooks, step)
    if as_json:
        print(json.dumps(_facts(proofs), indent=2))
    else:
        show(_table(proofs, notebooks))
        for proof in proofs:
            for problem in proof.problems:
                print(f"lesson {proof.lesson.number:02d}: {problem}")
    if any(proof.problems for proof in proofs):
        raise SystemExit(1)


def _facts(proofs: "list[Proof]") -> dict[str, Any]:
    names = ("exercises", "mutants", "rejected", "named", "figures")
    return {
        **{name: sum(getattr(proof, name) for proof in proofs) for name in names},
        "problems": {proof.lesson.name: proof.problems for proof in proofs if proof.problems},
    }


def _table(proofs: "list[Proof]", notebooks: bool) -> Table:
    table = Table(box=None, header_style="bold", show_footer=True, footer_style="bold")
    facts = _facts(proofs)
    table.add_column("lesson", "together")
    for name in ("exercises", "mutants", "rejected", "named", "figures"):
        unknown = name == "figures" and not notebooks
        table.add_column(name, "–" if unknown else str(facts[name]), justify="right")
    table.add_column("problems", str(sum(len(p.problems) for p in proofs)), justify="right")
    for proof in proofs:
        counts = [proof.exercises, proof.mutants, proof.rejected, proof.named]
        figures = str(proof.figures) if notebooks else "–"
        table.add_row(proof.lesson.name, *map(str, counts), figures, str(len(proof.problems)))
    return table
