"""The student's commands, from an empty folder to training with functions of one's own."""

import json

import numpy as np
import pytest

from minicnn.data import write_idx
from minicnn.learn import library, script, source
from minicnn.learn.check import STATUSES

LOOP = "    for k, cell in enumerate(cells(padded, kernel, stride, out)):\n"


@pytest.fixture
def mine(command, tmp_path, monkeypatch):
    """A student's folder, in which the commands are called, with lesson 7 begun."""
    assert command("learn", "init", tmp_path / "mine").code == 0
    monkeypatch.chdir(tmp_path / "mine")
    assert command("learn", "start", "07").code == 0
    return tmp_path / "mine"


def write(mine, number=7, **texts):
    """Write a lesson's script, solved but for the functions given."""
    lesson = library.lesson(number)
    text = script.render(lesson, lambda e: texts.get(e.name) or source.solution(e))
    (mine / lesson.name).mkdir(exist_ok=True)
    (mine / lesson.name / "lesson.py").write_text(text)


def statuses(command, number=7):
    listed = json.loads(command("learn", "list", "--json").out)
    return next(each["exercises"] for each in listed if each["lesson"] == number)


def test_the_untouched_stub_fails_with_the_friendly_message(command, mine):
    result = command("learn", "check", "07")
    assert result.code == 1
    assert "This is meant to fail. Your job: lay every window of x out flat" in result.out
    assert "Next:  minicnn learn hint 07 im2col" in result.out
    assert statuses(command) == {"im2col": "todo", "conv2d": "todo"}


def test_a_failure_shows_case_numbers_diagnosis_and_next_command_in_this_order(command, mine):
    lesson = library.lesson(7)
    mutant = lesson.exercise("im2col").mutants[0]
    write(mine, im2col=source.mutated(lesson.exercise("im2col"), mutant))
    result = command("learn", "check")
    assert result.code == 1
    said = [
        "✗ im2col   0 of 13 cases right",
        "✓ conv2d   13 cases, all right",
        "The smallest case that fails",
        "(1, 1, 2, 1) float64",
        "kernel   (1, 2)",
        "yours",
        "expected",
        "difference",
        "[1 3]",
        "[3 1]",
        "[-2  2]",
        mutant.says.split(":", maxsplit=1)[0],
        "Next:  minicnn learn hint 07 im2col",
    ]
    places = [result.out.find(each) for each in said]
    assert -1 not in places, said[places.index(-1)]
    in_order = [places[i] for i in (0, 2, 3, 4, 5, 8, 11, 12)]
    assert in_order == sorted(in_order)


def test_a_solved_lesson_passes_and_a_change_makes_it_stale(command, mine):
    write(mine)
    result = command("learn", "check", "07")
    assert (result.code, result.err) == (0, "")
    assert "Lesson 7 is done." in result.out
    assert statuses(command) == {"im2col": "pass", "conv2d": "pass"}
    path = mine / "07_convolution" / "lesson.py"
    path.write_text(path.read_text().replace(LOOP, f"    kernel = tuple(kernel)\n{LOOP}"))
    assert statuses(command) == {"im2col": "stale", "conv2d": "stale"}, "conv2d calls im2col"
    path.write_text("# a remark\n" + path.read_text().replace("    kernel = tuple(kernel)\n", ""))
    assert statuses(command)["im2col"] == "pass", "a remark changes nothing"
    path.unlink()
    assert statuses(command)["im2col"] == "todo", "not started any more"


def test_attempts_count_what_is_new(command, mine):
    for text in "def im2col(*a): return 1", "def im2col(*a): return 1", "def im2col(*a): return 2":
        write(mine, im2col=text)
        assert command("learn", "check", "07", "im2col").code == 1
    progress = json.loads((mine / "progress.json").read_text())["exercises"]["07/im2col"]
    assert (progress["status"], progress["attempts"]) == ("fail", 2)


def test_hints_come_one_by_one_for_the_first_open_exercise(command, mine):
    write(mine, conv2d="def conv2d(*a): return 1")
    command("learn", "check")
    shown = [command("learn", "hint").out for _ in range(4)]
    starts = [text.splitlines()[0] for text in shown]
    assert starts == [f"conv2d, hint {n} of 3" for n in (1, 2, 3, 3)]
    assert shown[2] == shown[3] != shown[1]
    assert "rows   = windows of x" in shown[2]


def test_check_as_json(command, mine):
    result = command("learn", "check", "07", "im2col", "--json", "--seed", "5")
    (facts,) = json.loads(result.out)["results"]
    assert (result.code, facts["exercise"], facts["status"]) == (1, "im2col", "todo")
    assert facts["status"] in STATUSES
    assert facts["seed"] == 5


def test_start_and_init_overwrite_nothing(command, mine):
    path = mine / "07_convolution" / "lesson.py"
    path.write_text("mine = 1\n")
    result = command("learn", "start", "7")
    assert (result.code, "stays as it is" in result.out) == (0, True)
    assert path.read_text() == "mine = 1\n"
    before = (mine / "progress.json").read_bytes()
    result = command("learn", "init", mine)
    assert (result.code, result.out) == (2, "")
    assert "is a folder for lessons already" in result.err
    assert (mine / "progress.json").read_bytes() == before


def test_export_writes_a_notebook_once(command, mine):
    result = command("learn", "export", "07", "--ipynb")
    notebook = json.loads((mine / "07_convolution" / "lesson.ipynb").read_text())
    assert result.code == 0
    kinds = [cell["cell_type"] for cell in notebook["cells"]]
    assert {*kinds} == {"markdown", "code"}
    assert '%pip install --quiet "minicnn-engine[lessons]"' in "".join(
        notebook["cells"][0]["source"]
    )
    assert any("This is meant to fail" in "".join(cell["source"]) for cell in notebook["cells"])
    again = command("learn", "export", "07", "--ipynb")
    assert (again.code, "is not overwritten" in again.err) == (2, True)


def test_after_one_exercise_the_rest_of_the_lesson_is_next(command, mine):
    lesson = library.lesson(7)
    path = mine / lesson.name / "lesson.py"
    im2col, conv2d = lesson.exercises
    solved = {im2col.name}

    def write(each):
        return source.solution(each) if each.name in solved else source.stub(each)

    path.write_text(script.render(lesson, write), encoding="utf-8")
    assert "Next:  minicnn learn check 07\n" in command("learn", "check", "07", "im2col").out
    solved.add(conv2d.name)
    path.write_text(script.render(lesson, write), encoding="utf-8")
    said = command("learn", "check", "07", "conv2d").out
    assert "Lesson 7 is done.\nNext:  minicnn learn start 08\n" in said


@pytest.mark.parametrize("first", [b"", b"# -*- coding: latin-1 -*-\n"])
def test_export_of_a_script_in_another_encoding_is_answered(command, mine, first):
    path = mine / "07_convolution" / "lesson.py"
    path.write_bytes(first + path.read_bytes() + b"# \xfc\n")
    result = command("learn", "export", "07", "--ipynb")
    assert (result.code, "lesson.py is not saved as UTF-8" in result.err) == (2, True)


MISTAKES = {
    "no such lesson": (["start", "99"], "there is no lesson 99; known: "),
    "not started": (["check", "08"], "lesson 8 is not started: `minicnn learn start 08`"),
    "no such exercise": (["check", "07", "im2cols"], "did you mean 'im2col'?"),
    "no number": (["check", "seven"], "unable to parse string as an integer"),
    "hint not started": (["hint", "08"], "lesson 8 is not started"),
    "export as what": (["export", "07"], "--ipynb"),
    "init on a file": (["init", "progress.json"], "progress.json: cannot be made"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_is_answered_in_a_line(command, mine, kind):
    arguments, says = MISTAKES[kind]
    result = command("learn", *arguments)
    assert result.code == 2
    assert says in " ".join(result.err.replace("│", " ").split())
    assert "Traceback" not in result.err


@pytest.mark.parametrize("arguments", [["check"], ["hint"], ["start", "7"], ["export", "--ipynb"]])
def test_outside_of_a_folder_for_lessons(command, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    result = command("learn", *arguments)
    assert result.code == 2
    assert "is not in a folder for lessons; make one with `minicnn learn init DIR`" in result.err
    assert command("learn", "list").code == 0, "anybody may look"


def progress(**damage):
    return json.dumps({"format": "minicnn lessons 1", "exercises": {"07/im2col": damage}})


DAMAGED = ["", "[]", "{", '{"format": "other"}', '{"exercises": {}}']
DAMAGED += [progress(hints="x"), progress(hints=-5), progress(attempts=None), progress(source=7)]


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_progress_is_answered(command, mine, content):
    (mine / "progress.json").write_text(content)
    result = command("learn", "check", "07")
    assert result.code == 2
    assert "progress.json: " in result.err


@pytest.mark.parametrize("arguments", [[], ["init"], ["start"], ["check"], ["hint"], ["list"]])
def test_every_command_explains_itself(command, arguments):
    result = command("learn", *arguments, "--help")
    assert (result.code, result.err) == (0, "")
    assert "Usage" in result.out


# ------------------------------------------------------------------ training with one's own


@pytest.fixture
def tiny(tmp_path):
    """A data set of 60 and 20 pictures."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "tiny"
    folder.mkdir()
    for part, count in ("train", 60), ("t10k", 20):
        images = rng.integers(0, 256, (count, 10, 10), np.uint8)
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", (np.arange(count) % 4).astype("u1"))
    return folder


def train(command, tiny, out, *arguments):
    common = ("--epochs", 1, "--batch-size", 20, "--data", tiny, "--kernels", "reference")
    return command("train", "cnn_baseline", *common, "--out", out, *arguments)


@pytest.mark.slow
def test_training_with_mine_gives_what_the_engine_gives_and_says_whose_it_is(
    command, mine, tiny, tmp_path
):
    for number in 1, 7:
        write(mine, number)
    write(mine, 8, conv2d_dx=source.stub(library.lesson(8).exercise("conv2d_dx")))
    assert train(command, tiny, tmp_path / "engine").code == 0
    result = train(command, tiny, tmp_path / "own", "--with", "mine", "--through", 8)
    assert result.code == 0
    rows = [line.split() for line in result.out.splitlines()]
    assert ["08_convolution_backward", "conv2d_dx", "engine's"] in rows
    assert ["08_convolution_backward", "col2im", "yours"] in rows
    assert ["01_scalars", "topological_order", "yours"] in rows
    engine, own = (np.load(tmp_path / run / "model.npz") for run in ("engine", "own"))
    assert all((engine[key] == own[key]).all() for key in engine.files)
    settings = json.loads((tmp_path / "own" / "config.json").read_text())
    assert (settings["own_code"], settings["through"]) == (str(mine), 8)
    resumed = command("train", "--out", tmp_path / "own", "--resume", "--epochs", 2)
    assert (resumed.code, "yours" in resumed.out) == (0, True)


def test_it_is_really_the_students_code_that_trains(command, mine, tiny, tmp_path):
    raises = "def conv2d_dbias(dy):\n    raise ValueError('here')"
    write(mine, 8, conv2d_dbias=raises)
    result = train(command, tiny, tmp_path / "run", "--with", mine)
    line = (mine / "08_convolution_backward/lesson.py").read_text().splitlines()
    number = line.index("    raise ValueError('here')") + 1
    assert result.code == 2
    assert f"lesson.py: ValueError in line {number}: here" in result.err
    earlier = train(command, tiny, tmp_path / "run 7", "--with", mine, "--through", 7)
    assert earlier.code == 0, "lesson 8 is not asked for"


def test_what_the_engine_cannot_use_is_answered(command, mine, tiny, tmp_path):
    write(mine, im2col="def im2col(*a): return None")
    result = train(command, tiny, tmp_path / "run", "--with", mine)
    assert result.code == 2
    assert "lesson.py: AttributeError in line" in result.err or "see `minicnn learn" in result.err
    path = mine / "07_convolution" / "lesson.py"
    path.write_text("def im2col(:\n")
    result = train(command, tiny, tmp_path / "run 2", "--with", mine)
    assert (result.code, "lesson.py line 1" in result.err) == (2, True)
    assert not (tmp_path / "run 2").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--with", "nowhere"], "is not in a folder for lessons"),
        (["--through", "7"], "through needs own_code"),
        (["--with", "mine", "--through", "99"], "there is no lesson 99"),
    ],
)
def test_a_mistake_leaves_no_run(command, mine, tiny, tmp_path, arguments, says):
    arguments = ["/nowhere" if each == "nowhere" else each for each in arguments]
    result = train(command, tiny, tmp_path / "run", *arguments)
    assert (result.code, says in result.err) == (2, True), result.err
    assert not (tmp_path / "run").exists()
