"""The folder of results: figures as JSON, tables as Markdown, pictures as PNG.

SECTION.json   every round's raw figures, with machine, versions, date and command
SECTION.png    their picture
results.md     all tables, from whatever sections are in the folder

`python -m benchmarks.results FOLDER ...` shows the speeds and the goals of one or more of them.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import goals, speeds
from benchmarks.sections import SECTIONS
from benchmarks.tables import Table
from minicnn.experiments.report import figures
from minicnn.files import atomic
from minicnn.plain_data import write_json

Content = dict[str, Any]

FORMAT = 1
"""Of the raw figures; files of another format are left alone."""


def save(folder: Path, section: str, content: Content) -> Content:
    """Write the figures of a section and redraw what shows them; gives them as they are read."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{section}.json", {"format": FORMAT, **content})
    show(folder, section)
    return load(folder)[section]


def load(folder: Path) -> dict[str, Content]:
    """The sections in a folder, in their order."""
    paths = {section: folder / f"{section}.json" for section in SECTIONS}
    contents = {
        section: json.loads(path.read_text()) for section, path in paths.items() if path.exists()
    }
    return {name: content for name, content in contents.items() if content["format"] == FORMAT}


def show(folder: Path, *sections: str) -> None:
    """Draw the pictures of these sections, and write all tables of the folder."""
    contents = load(folder)
    for section in sections:
        figure = SECTIONS[section].figure(contents[section]["data"])
        figures.save(figure, folder / f"{section}.png")
    with atomic(folder / "results.md") as partial:
        partial.write_text(_markdown(contents))


def tables_of(section: str, content: Content) -> list[Table]:
    """The tables of a section."""
    tables: list[Table] = SECTIONS[section].tables_of(content["data"])
    return tables


def _markdown(contents: dict[str, Content]) -> str:
    reached = goals.table([contents])
    parts = ["# Benchmarks\n", *([reached.markdown()] if reached.rows else [])]
    for section, content in contents.items():
        parts.append(f"## {section}\n\n{_provenance(content)}\n\n![{section}]({section}.png)\n")
        parts += [table.markdown() for table in tables_of(section, content)]
    return "\n".join(parts)


def _provenance(content: Content) -> str:
    """One sentence on where the figures come from."""
    machine = content["machine"]
    versions = {
        name: version
        for about in content["engines"].values()
        for name, version in about["versions"].items()
    }
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    missing = "".join(f" {reason}." for reason in content["missing"].values())
    return (
        f"`{machine['command']}`, {machine['date']}, {machine['cpu']}, {machine['cores']} cores, "
        f"Python {machine['python']}, {used}, source {machine['source']}.{missing}"
    )


def main(
    folders: Annotated[list[Path], typer.Argument(help="Folders of results, one a run.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="For a README.")] = False,
) -> None:
    """Print the speeds of all models, and every figure that has a goal, over several runs."""
    runs = [load(folder) for folder in folders]
    for shown in (speeds.table(runs), goals.table(runs)):
        shown.show(markdown)


if __name__ == "__main__":
    typer.run(main)
