"""A setting is declared once: the option, the file, the report and the search follow from it."""

import json
import shutil
from pathlib import Path

import minicnn
from minicnn.plain_data import limits_in_words, settings_of
from minicnn.zoo.recipe import Recipe

DECLARED = """    warmth: float = setting(
        0.5, "How warm it gets.", "[0, 7)", search={"low": 0.0, "high": 6.0}, word="warmth of it"
    )
"""

PROGRAM = """
import json, sys, typer
import minicnn, minicnn.cli
from minicnn.cli.app import app
from minicnn.errors import MinicnnError
from minicnn.experiments.report.run_page import _setting
from minicnn.experiments.settings import Settings, read_config
from minicnn.experiments.tune.plan import Plan
from minicnn.experiments.tune.space import SPACE, fixed_value
from minicnn.plain_data import settings_of

def refused(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except MinicnnError as error:
        return str(error)

train = typer.main.get_command(app).commands["train"]
option = next(each for each in train.params if each.name == "warmth")
declared = settings_of(Settings)["warmth"]
print(json.dumps({
    "where": minicnn.__file__,
    "option": option.opts,
    "help": option.help,
    "default": Settings().warmth,
    "refused": refused(Settings, warmth=7),
    "of a word": refused(Settings, warmth="hot"),
    "config.json": Settings(warmth=3).to_dict()["warmth"],
    "from a file": read_config(sys.argv[1]),
    "wrong file": refused(read_config, sys.argv[2]),
    "searched": next(str(row) for row in SPACE if row.name == "warmth"),
    "fixed": fixed_value("warmth", "2.5"),
    "report": [declared.word, _setting(declared, 0.5)],
}))
"""


def test_a_setting_that_is_added_in_one_file_is_everywhere(tmp_path, run_python):
    """In a copy of the package, where only the file of the recipe is changed."""
    package = Path(minicnn.__file__).parent
    shutil.copytree(
        package, tmp_path / "minicnn", ignore=shutil.ignore_patterns("*.gz", "__pycache__", "*.npz")
    )
    recipe = tmp_path / "minicnn" / "zoo" / "recipe.py"
    text = recipe.read_text(encoding="utf-8")
    head, end = text.split("    def __post_init__")
    recipe.write_text(f"{head}{DECLARED}\n    def __post_init__{end}", encoding="utf-8")
    right, wrong = tmp_path / "right.json", tmp_path / "wrong.json"
    right.write_text('{"warmth": 4}')
    wrong.write_text('{"warmth": "hot"}')
    (tmp_path / "program.py").write_text(PROGRAM)
    found = json.loads(run_python(str(tmp_path / "program.py"), str(right), str(wrong)))
    assert Path(found.pop("where")).parent.parent == tmp_path
    assert found.pop("wrong file").endswith("warmth cannot be 'hot'")
    assert found == {
        "option": ["--warmth"],
        "help": "How warm it gets; in [0, 7).",
        "default": 0.5,
        "refused": "warmth must be in [0, 7), got 7",
        "of a word": "warmth must be a number, got 'hot'",
        "config.json": 3,
        "from a file": {"warmth": 4},
        "searched": "0 to 6",
        "fixed": 2.5,
        "report": ["warmth of it", "0.5"],
    }


def test_every_default_is_within_its_limits_and_has_a_sentence():
    Recipe()
    for name, declared in settings_of(Recipe).items():
        assert declared.help.endswith("."), name
        assert not declared.limits or limits_in_words(declared.limits)
