"""The student's other commands: going on, looking back, the solution, sabotage, the doctor."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from minicnn.errors import LessonError
from minicnn.kernels import reference
from minicnn.learn import library, sabotage, script, source
from minicnn.learn.source import engine_function


@pytest.fixture
def mine(command, tmp_path, monkeypatch):
    """A student's folder, in which the commands are called, with lesson 7 begun."""
    assert command("learn", "init", tmp_path / "mine").code == 0
    monkeypatch.chdir(tmp_path / "mine")
    assert command("learn", "start", "07").code == 0
    return tmp_path / "mine"


def write(mine, **texts):
    """Lesson 7, solved but for the functions given."""
    lesson = library.lesson(7)
    text = script.render(lesson, lambda e: texts.get(e.name, source.solution(e)))
    (mine / lesson.name / "lesson.py").write_text(text)


def every():
    return sum(len(lesson.exercises) for lesson in library.lessons())


WRONG = "def im2col(*a): return 1\n"


def test_learn_alone_says_where_you_are_and_checks_it(command, mine):
    result = command("learn")
    assert (result.code, result.err) == (0, "")
    assert "Lesson 7: " in result.out
    assert str(mine / "07_convolution" / "lesson.py") in result.out
    assert "This is meant to fail. Your job: lay every window" in result.out
    assert f"0 of {every()} exercises" in result.out
    write(mine, im2col=WRONG)
    result = command("learn")
    assert "✗ im2col" in result.out
    assert "✓ conv2d   13 cases" in result.out
    assert "minicnn learn hint 07 im2col" in result.out
    assert f"1 of {every()} exercises" in result.out
    again = command("learn")
    assert "✓ conv2d   passed" in again.out, "what has passed is not run again"
    write(mine)
    result = command("learn")
    assert "Lesson 7 is done.\nNext:  minicnn learn start 08" in result.out
    assert f"2 of {every()} exercises" in result.out


def test_learn_before_the_first_lesson_says_how_to_begin(command, mine):
    (mine / "07_convolution" / "lesson.py").unlink()
    result = command("learn")
    assert result.code == 0
    assert result.out.endswith("Next:  minicnn learn start 01\n")


@pytest.mark.usefixtures("_interruptible")
def test_a_save_is_checked_at_once_and_ctrl_c_leaves_all_whole(mine):
    log = mine.parent / "log"
    with open(log, "w") as out:
        watching = subprocess.Popen(
            [sys.executable, "-u", "-m", "minicnn", "learn", "--watch"],
            cwd=mine,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(log, "Ctrl-C ends this")
        time.sleep(0.5)  # until it listens
        write(mine, im2col=WRONG)
        wait_for(log, "✗ im2col")
        write(mine)
        wait_for(log, "Lesson 7 is done.")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0
    finally:
        watching.kill()
    assert log.read_text().endswith("To go on:  minicnn learn\n")
    assert "Traceback" not in log.read_text()
    progress = json.loads((mine / "progress.json").read_text())["exercises"]
    assert {key: each["status"] for key, each in progress.items()} == {
        "07/conv2d": "pass",
        "07/im2col": "pass",
    }
    assert sorted(os.listdir(mine)) == ["07_convolution", "progress.json"]


def wait_for(log, words):
    end = time.monotonic() + 60
    while words not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


def test_show_tells_job_docstring_and_progress(command, mine):
    write(mine, im2col=WRONG)
    command("learn", "check", "07")
    command("learn", "hint", "07", "im2col")
    shown = command("learn", "show")
    lesson = library.lesson(7)
    for exercise in lesson.exercises:
        assert f"Your job: {exercise.job}" in shown.out
        first_line = source.solution(exercise).partition('"""')[2].partition(":")[0]
        assert first_line in shown.out
    assert "fail, 1 attempt, 1 of 3 hints" in shown.out
    facts = json.loads(command("learn", "show", "07", "conv2d", "--json").out)
    (conv2d,) = facts["exercises"]
    assert (conv2d["exercise"], conv2d["status"], conv2d["hints"]) == ("conv2d", "pass", 0)
    body = source.body_statements(lesson.exercise("conv2d"))
    assert not any(line in shown.out for line in body if len(line) > 12)


def test_diff_compares_with_the_stub_and_then_with_what_passed(command, mine):
    assert command("learn", "diff").out == "im2col stands as it came.\n"
    write(mine, im2col=WRONG)
    lines = command("learn", "diff", "07", "im2col").out.splitlines()
    assert lines[0] == "--- im2col, stub"
    assert "+def im2col(*a): return 1" in lines
    write(mine)
    command("learn", "check")
    path = mine / "07_convolution" / "lesson.py"
    path.write_text(path.read_text().replace("cols = np.empty(", "cols = np.zeros("))
    lines = command("learn", "diff", "07", "im2col").out.splitlines()
    assert lines[0] == "--- im2col, last passed"
    changed = [each for each in lines[2:] if each[0] in "+-"]
    assert [each.split("(")[0].split() for each in changed] == [
        ["-", "cols", "=", "np.empty"],
        ["+", "cols", "=", "np.zeros"],
    ]
    path.write_text("x = 1\n")
    result = command("learn", "diff", "07", "im2col")
    assert (result.code, "there is no function 'im2col'" in result.err) == (2, True)


def test_the_solution_comes_after_a_pass_or_after_three_hints_and_a_yes(command, mine, monkeypatch):
    im2col, conv2d = library.lesson(7).exercises
    refused = command("learn", "solution", "07")
    assert (refused.code, refused.out) == (2, "")
    assert "you have seen 0 of 3" in refused.err
    for _ in range(2):
        command("learn", "hint", "07", "im2col")
    assert command("learn", "solution", "07", "im2col", "--yes").code == 2
    command("learn", "hint", "07", "im2col")
    monkeypatch.setattr("typer.confirm", refuse)
    declined = command("learn", "solution", "07", "im2col")
    assert (declined.code, "np.empty" in declined.out) == (1, False)
    assert source.solution(im2col) in command("learn", "solution", "07", "im2col", "--yes").out
    write(mine, im2col=WRONG)
    command("learn", "check")
    passed = command("learn", "solution", "07")
    assert source.solution(conv2d) in passed.out
    assert source.solution(im2col) not in passed.out


def refuse(*_, **__):
    import typer

    raise typer.Abort


def test_reset_always_keeps_a_copy(command, mine):
    path = mine / "07_convolution" / "lesson.py"
    write(mine)
    command("learn", "check")
    kept = []
    for number, text in enumerate((path.read_bytes(), b"not even \xff Python ("), 1):
        path.write_bytes(text)
        result = command("learn", "reset", "07")
        assert (result.code, f"lesson.backup-{number}.py" in result.out) == (0, True)
        kept.append(text)
        copies = sorted(path.parent.glob("lesson.backup-*.py"))
        assert [copy.read_bytes() for copy in copies] == kept
        assert path.read_text() == script.with_stubs(library.lesson(7))
    listed = json.loads(command("learn", "list", "--json").out)
    (statuses,) = (each["exercises"] for each in listed if each["lesson"] == 7)
    assert statuses == {"im2col": "todo", "conv2d": "todo"}
    assert command("learn", "reset", "08").code == 2, "it is not started"


def test_the_doctor_finds_what_is_not_sound(command, mine, tmp_path, monkeypatch):
    def states(result):
        return {each["about"]: each["state"] for each in json.loads(result.out)["findings"]}

    healthy = command("learn", "doctor", "--json")
    found = states(healthy)
    assert (healthy.code, json.loads(healthy.out)["healthy"]) == (0, True)
    wanted = {"Python", "packages", "numba's cache", "threads", "lessons", "folder", "progress"}
    assert wanted <= {*found}
    assert {found[each] for each in wanted} <= {"fine", "doubt"}
    (mine / "07_convolution" / "lesson.py").write_text("def im2col(:")
    result = command("learn", "doctor", "--json")
    assert (result.code, states(result)["07_convolution"]) == (1, "problem")
    (mine / "07_convolution" / "lesson.py").write_text("def im2col(): pass")
    assert "no function conv2d" in command("learn", "doctor").out
    (mine / "progress.json").write_text("{")
    result = command("learn", "doctor", "--json")
    assert (result.code, states(result)["progress"]) == (1, "problem")
    monkeypatch.chdir(tmp_path)
    result = command("learn", "doctor", "--json")
    assert (result.code, states(result)["folder"]) == (0, "doubt")


# ------------------------------------------------------------------ sabotage


@pytest.mark.slow
def test_sabotage_draws_two_curves_asks_and_answers(command, mine):
    result = command("learn", "sabotage", "dense_dx:weight_forgotten", "--steps", 40)
    assert (result.code, result.err) == (0, "")
    assert (mine / "sabotage-1.png").read_bytes()[1:4] == b"PNG"
    question, _, answer = result.out.partition("\n\nIt is ")
    assert "Which part is broken?" in question
    choices = [line.split()[1] for line in question.splitlines() if line.startswith("  ")]
    assert len({*choices}) == 4
    assert "dense_dx" in choices
    assert "numerical_gradient" not in choices, "no part of this training"
    mutants = {m.name: m for m in library.lesson(4).exercise("dense_dx").mutants}
    assert answer.startswith("dense_dx (lesson 4), weight_forgotten:")
    assert mutants["weight_forgotten"].says in answer
    command("learn", "sabotage", "dense_dx:weight_forgotten", "--steps", 10)
    assert (mine / "sabotage-2.png").exists()


def test_the_two_trainings_differ_by_the_mistake_alone():
    data = sabotage_data()
    known = sabotage.suspects(library.lessons())
    (suspect,) = sabotage.find("conv2d_dx:weight_not_transposed", known)
    before = reference.conv2d_dx
    right = sabotage.train(data, "SGD", 12, 3)
    assert right == sabotage.train(data, "SGD", 12, 3)
    wrong = sabotage.train(data, "SGD", 12, 3, suspect)
    assert wrong.losses[0] == right.losses[0], "the first forward pass is the same"
    assert wrong.losses[1:] != right.losses[1:]
    assert engine_function(suspect.exercise) is before is reference.conv2d_dx


def sabotage_data():
    from minicnn.data import Dataset

    rng = np.random.default_rng(0)
    return Dataset(rng.integers(0, 256, (96, 28, 28, 1)).astype(np.uint8), np.arange(96) % 10)


def test_what_the_engine_cannot_run_with_is_a_curve_that_stops():
    (suspect,) = sabotage.find("conv2d:stride_ignored", sabotage.suspects(library.lessons()))
    curve = sabotage.train(sabotage_data(), "SGD", 5, 0, suspect)
    assert (curve.losses, curve.stopped[:11]) == ([], "ShapeError:")
    right = sabotage.train(sabotage_data(), "SGD", 5, 0)
    assert sabotage.differ(right, curve)
    assert not sabotage.differ(right, right)
    labels = [line.get_label() for line in sabotage.figure(right, curve).axes[0].get_lines()]
    assert {"right", "one part broken"} <= {*labels}


@pytest.mark.slow
def test_a_surprise_can_be_seen():
    known = sabotage.suspects(library.lessons())
    hidden = sabotage.find("relu_vjp:in_place", known)
    plain = sabotage.find("softmax_cross_entropy_vjp:sign", known)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        done = sabotage.experiment([*hidden, *plain], sabotage_data(), 20, rng, visible=True)
        assert done.suspect is plain[0]
    with pytest.raises(LessonError, match="no mistake is to be seen"):
        sabotage.experiment(hidden, sabotage_data(), 20, rng, visible=True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["weight_forgoten"], "unknown misconception or exercise 'weight_forgoten'"),
        (["conv2"], "did you mean 'conv2d'?"),
        (["numerical_gradient"], "this training does not go through numerical_gradient"),
        (["conv2d", "--out", "progress.json"], "progress.json exists already"),
        (["conv2d", "--steps", "3"], "Invalid value for '--steps'"),
    ],
)
def test_a_mistake_in_sabotage_is_answered_in_a_line(command, mine, arguments, says):
    result = command("learn", "sabotage", *arguments)
    assert (result.code, says in " ".join(result.err.replace("│", " ").split())) == (2, True)


@pytest.mark.parametrize(
    "arguments", [["learn", c] for c in ("show", "diff", "solution", "reset", "doctor", "sabotage")]
)
def test_every_command_explains_itself(command, arguments):
    result = command(*arguments, "--help")
    assert (result.code, result.err) == (0, "")
    assert "Usage" in result.out


def test_grading_says_plainly_that_limits_are_no_sandbox(command):
    assert "NO SANDBOX" in command("teach", "grade", "--help").out
