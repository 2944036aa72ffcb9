"""Builds the site: ``.ci/docs`` calls this.

Pages that stand in the repository are copied to where their links hold: README, CONTRIBUTING, the
results. The others are made here: the API, the lessons, what the commands say of themselves.
"""

import logging
import shutil
import sys
import tempfile
from pathlib import Path

import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config

HERE = Path(__file__).parent
TOP = HERE.parents[1]
sys.path.insert(0, str(HERE))

import api  # noqa: E402
import command_line  # noqa: E402
import lesson_pages  # noqa: E402

COPIED = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]


def write_pages(folder: Path) -> list[dict[str, object]]:
    """Write every page, and give the order in which the site shows them."""
    shutil.copy(TOP / "README.md", folder / "index.md")
    for name in COPIED:
        shutil.copy(TOP / name, folder / name)
    for path in (TOP / "benchmarks").rglob("*"):
        if path.suffix in {".md", ".png"}:
            target = folder / path.relative_to(TOP)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    for name in "extra.css", "coming-from.md":
        shutil.copy(HERE / name, folder / name)
    runs = sorted((TOP / "benchmarks" / "results").glob("*/*.md"))
    more = [{path.parent.name: path.relative_to(TOP).as_posix()} for path in runs]
    return [
        {"minicnn": "index.md"},
        {"Coming from Keras, PyTorch, scikit-learn": "coming-from.md"},
        {"Commands": command_line.write_page(folder)},
        {"Lessons": lesson_pages.write_pages(folder)},
        {"API": api.write_pages(folder)},
        {
            "Results": [
                {"All tables": "benchmarks/RESULTS.md"},
                {"How they are measured": "benchmarks/README.md"},
                *more,
                {"serving": "benchmarks/results/serving.md"},
            ]
        },
        {"Contributing": [{name.removesuffix(".md").title(): name} for name in COPIED]},
    ]


def main(target: Path) -> None:
    """Build the site into the target; a warning ends it with an error."""
    with tempfile.TemporaryDirectory() as temporary:
        pages = Path(temporary, "pages")
        pages.mkdir()
        settings = (HERE / "mkdocs.yml").read_text()
        settings = settings.replace("EXTENSIONS", f"{HERE / 'doctests.py'}")
        config = yaml.safe_load(settings)
        config |= {"docs_dir": str(pages), "site_dir": str(target), "nav": write_pages(pages)}
        config["hooks"] = [str(HERE / "hooks.py")]
        file = Path(temporary, "mkdocs.yml")
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
        build(load_config(str(file)))
    print(f"The pages: {target / 'index.html'}")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or [TOP / "build" / "docs"]).absolute())
