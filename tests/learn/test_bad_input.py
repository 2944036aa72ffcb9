"""Whatever a student's file does: a short message of its own, and never an error of ours."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from minicnn.learn import library, source
from minicnn.learn.check import check
from minicnn.learn.student import StudentFile

from .bad_input import BAD, body


@pytest.mark.parametrize("kind", BAD)
def test_each_kind_of_bad_input_has_its_own_message(checked, kind, monkeypatch):
    if kind == "sleep":
        monkeypatch.setattr("minicnn.learn.process.PATIENCE", 0)
    text, status, says = BAD[kind]
    began = time.perf_counter()
    result = checked(7, "im2col", text, seconds=4 if "memory" in kind else 1)
    assert (result.status, says in result.says) == (status, True), result
    assert "\n" not in result.says
    assert len(result.says) < 300
    assert time.perf_counter() - began < 15


def test_the_right_function_passes_and_what_it_prints_is_kept(checked):
    result = checked(7, "im2col", body("print('looking at', x.shape)"))
    assert (result.status, result.says, result.mutant) == ("pass", "", None)
    assert result.passed == result.cases == 13
    assert result.printed.startswith("looking at (1, 1, 2, 1)\n")


def test_a_time_out_says_in_which_case(checked):
    result = checked(7, "im2col", body("while x.shape[0] > 1: pass"), seconds=1)
    assert (result.status, result.passed) == ("timeout", 3)
    assert result.case is not None
    assert result.case["x"].shape[0] == 2


def test_the_line_of_an_error_is_that_of_the_students_file(checked, written):
    path = written(7, "im2col", body("[][1]"))
    lines = path.read_text().splitlines()
    result = checked(7, "im2col", body("[][1]"))
    assert f"in line {lines.index('    [][1]') + 1}:" in result.says


def test_what_a_function_leaves_running_ends_with_the_check(checked, tmp_path):
    mark = tmp_path / "mark"
    sleeper = f"import time\nwhile True: open({str(mark)!r}, 'w').close(); time.sleep(0.05)"
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleeper!r}])"
    wait = "import time; time.sleep(0.1)"
    result = checked(7, "im2col", body(f"{start}; {wait}"), seconds=10)
    assert result.status == "pass"
    mark.unlink(missing_ok=True)
    time.sleep(0.5)
    assert not mark.exists()


def test_the_other_functions_of_the_file_do_not_matter(written):
    path = written(7, "conv2d", "def conv2d(x:")
    lesson = library.lesson(7)
    text = path.read_text().replace("def conv2d(x:", "def conv2d(*a): raise SystemExit")
    path.write_text(text + "\n\nraise SystemExit(1)\nundefined + 1\n")
    assert check(lesson, lesson.exercise("im2col"), path).status == "pass"
    assert check(lesson, lesson.exercise("conv2d"), path).status == "crash"


def test_an_exercise_does_not_need_the_ones_before_it(written):
    path = written(7, "im2col", "def im2col(*a): return 0")
    lesson = library.lesson(7)
    assert check(lesson, lesson.exercise("conv2d"), path).status == "pass"


def test_a_variable_of_the_text_is_not_the_functions_own_of_the_same_name(written):
    """The text of a lesson has an `x`, too; it must not be computed for each check."""
    lesson = library.lesson(7)
    path = written(7, "im2col", source.solution(lesson.exercise("im2col")))
    path.write_text(path.read_text() + "\n\nx = cols = 1 / 0\n")
    assert check(lesson, lesson.exercise("im2col"), path).status == "pass"


def test_what_a_function_takes_from_the_file_is_there(written):
    text = """
        def im2col(x, kernel, stride=ONE, padding="valid"):
            return [inner() for _ in range(2)][0](x, kernel, stride, padding)
    """
    path = written(7, "im2col", text)
    helper = source.solution(library.lesson(7).exercise("im2col")).replace("im2col(", "mine(")
    given = "ONE = (1, 1)\n\n\ndef inner():\n    return mine\n"
    imports = source.imports(library.lesson(7).exercise("im2col"))
    path.write_text(f"{imports}\n\n\n{helper}\n\n{given}\n\n{path.read_text()}")
    lesson = library.lesson(7)
    result = check(lesson, lesson.exercise("im2col"), path)
    assert result.status == "pass", result.says


def test_what_is_no_file_is_missing(tmp_path):
    lesson = library.lesson(7)
    for path in tmp_path / "nothing.py", tmp_path:
        result = check(lesson, lesson.exercise("im2col"), path)
        assert (result.status, "there is no such file" in result.says) == ("missing", True)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"x" * 2_000_000, "larger than 1 MB"),
        (b"\xff\xfe\xfa", "line 1"),
        (b"(" * 100_000, "too many nested parentheses"),
        (b"x = " + b"-" * 50_000 + b"1", "is no Python"),
    ],
)
def test_a_file_that_is_no_python_is_answered(tmp_path, content, says):
    path = tmp_path / "lesson.py"
    path.write_bytes(content)
    lesson = library.lesson(7)
    result = check(lesson, lesson.exercise("im2col"), path)
    assert (result.status, says in result.says) == ("crash", True), result.says


def test_a_change_of_what_a_function_needs_changes_its_hash(written):
    path = written(7, "im2col", body(f"x = {'-' * 900}x"))
    text, first = path.read_text(), StudentFile(path).hash("im2col")
    path.write_text(text.replace("-" * 900, "-" * 902))
    assert StudentFile(path).hash("im2col") != first
    path.write_text(text.replace("-" * 900, ""))
    plain = StudentFile(path).hash("im2col")
    path.write_text("# a remark\n" + text.replace("-" * 900, "") + "\n\nother = 1\n")
    assert StudentFile(path).hash("im2col") == plain


def test_an_op_that_lacks_a_rule_or_returns_an_array_is_answered(checked):
    one_rule = "from minicnn.tensor import op\n\n\n@op\ndef add(a, b):\n    return a + b, {}\n"
    result = checked(1, "add", one_rule.format("lambda dy: dy * 1.5"))
    assert (result.status, result.says[:34]) == ("crash", "Only the first summand has a rule;")
    result = checked(1, "add", one_rule.format("lambda dy: dy").replace("@op\n", ""))
    assert (result.status, result.says[:34]) == ("fail", "The line `@op` above `add` is gone")
    result = checked(
        1, "add", "from minicnn.tensor import op\n\n\n@op\ndef add(a, b): return a + b"
    )
    assert result.status == "crash"
    assert "cannot be used by the engine" in result.says


def test_the_same_seed_draws_the_same_cases():
    exercise = library.lesson(7).exercise("im2col")
    first, second, other = (exercise.drawn(seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a["x"], b["x"]) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a["x"], b["x"]) for a, b in zip(first, other, strict=True))
    assert [case["x"].dtype for case in first[-2:]] == [np.float64, np.float32]


def test_nothing_is_left_in_the_folder_for_temporary_files(checked, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    checked(7, "im2col", body("open('left', 'w').write('x')"))
    assert os.listdir(place) == []
    assert Path.cwd() != place


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("velocity = -lr * grad", "`weight` is to be changed in place, and is as it was"),
        ("weight += 1", "`weight`, changed in place, holds wrong numbers"),
    ],
)
def test_an_argument_that_stays_as_it_was_is_told_from_a_wrong_one(checked, line, says):
    text = f"def sgd_step(weight, grad, velocity, lr, momentum, nesterov):\n    {line}\n"
    assert checked(6, "sgd_step", text).says.startswith(says)


def test_a_stub_whose_last_line_was_left_below_the_work_is_no_stub(written):
    """Who writes above the line that raises, and leaves it there, has written the function."""
    lesson = library.lesson(7)
    exercise = lesson.exercise("im2col")
    stub = source.stub(exercise)
    raising = stub[stub.index("    raise") :]
    path = written(7, "im2col", source.solution(exercise) + raising)
    assert check(lesson, exercise, path).status == "pass"
    assert StudentFile(written(7, "im2col", stub)).is_stub("im2col")


@pytest.mark.parametrize("sign", ["\f", "\v", "\x1c", "\x85", "\u2028"])
def test_what_is_no_end_of_a_line_in_python_is_none_here(written, sign):
    lesson = library.lesson(7)
    exercise = lesson.exercise("im2col")
    path = written(7, "im2col", f"ONE = 1\n\n\n{source.solution(exercise)}")
    right = StudentFile(path).text("im2col")
    path.write_text(f"# a{sign}b\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert StudentFile(path).text("im2col") == right
    assert check(lesson, exercise, path).status == "pass"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("name", ["answer.json", "arrays.npz", "printed"])
def test_a_pipe_in_the_place_of_an_answer_is_not_waited_for(checked, name):
    pipe = f"import os; os.path.exists({name!r}) and os.unlink({name!r}); os.mkfifo({name!r})"
    other = "" if name == "answer.json" else "; open('answer.json', 'w').close()"
    result = checked(7, "im2col", body(f"{pipe}{other}; os._exit(0)"))
    assert (result.status, "exit code 0 before" in result.says) == ("crash", True)


FORGED = {
    "fewer cases": '{"status": "done", "outcomes": [], "stop": null}',
    "no reason": '{"status": "crash", "outcomes": [], "stop": null}',
    "no such status": '{"status": "pass", "outcomes": [], "stop": null}',
}


@pytest.mark.parametrize("kind", FORGED)
def test_an_answer_that_the_function_has_written_is_no_pass(checked, kind):
    write = f"open('answer.json', 'w').write({FORGED[kind]!r}); np.savez('arrays.npz')"
    mark = "open('begun', 'wb').write(b'.' * 500)"
    result = checked(7, "im2col", body(f"import os; {write}; {mark}; os._exit(0)"))
    assert (result.status, "something else has answered" in result.says) == ("crash", True)
    assert result.case is not None
