"""Whatever a student's file does: a short message of its own, and never an error of ours."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from minicnn.learn import library
from minicnn.learn.check import check
from minicnn.learn.student import StudentFile

IM2COL = """
def im2col(x, kernel, stride=(1, 1), padding="valid"):
    {before}
    n, height, width, c = x.shape
    out = out_size((height, width), kernel, stride, padding)
    cols = np.empty((n, *out, kernel[0] * kernel[1], c), x.dtype)
    padded = pad(x, kernel, stride, padding)
    for k, cell in enumerate(cells(padded, kernel, stride, out)):
        cols[:, :, :, k] = cell
    cols = cols.reshape(n, *out, -1)
    {after}
    return cols
"""


def body(before: str = "pass", after: str = "pass") -> str:
    return IM2COL.format(before=before, after=after)


BAD = {
    "endless loop": (body("while True: pass"), "timeout", "not done when its time was over"),
    "sleep": (body("import time; time.sleep(1000)"), "timeout", "not done when its time was over"),
    "endless recursion": (
        body("return im2col(x, kernel, stride, padding)"),
        "crash",
        "calls itself too often in line",
    ),
    "memory bomb": (body("x = [bytearray(1 << 26) for _ in range(10**6)]"), "crash", "more memory"),
    "large array": (body("np.ones((1 << 20, 1 << 20))"), "crash", "more memory"),
    "sys.exit": (body("raise SystemExit(0)"), "crash", "ends the program in line"),
    "os._exit": (body("import os; os._exit(0)"), "crash", "ended with exit code 0 before"),
    "killed": (body("import os; os.kill(os.getpid(), 11)"), "crash", "signal SIGSEGV"),
    "megabytes of print": (
        body("while True: print('x' * 10**6)"),
        "crash",
        "prints or writes more than 8 MB",
    ),
    "large file": (
        body("open('big', 'wb').write(bytes(10**7))"),
        "crash",
        "prints or writes more than 8 MB",
    ),
    "exception": (body("[][1]"), "crash", "IndexError in line"),
    "unknown name": (body("return colums"), "crash", "name 'colums' is not defined"),
    "integers": (body(after="cols = cols.astype(int)"), "fail", "is int64; with these arguments"),
    "float32": (body(after="cols = cols.astype('f4')"), "fail", "is float32; with these arguments"),
    "a list": (
        body(after="cols = cols.tolist()"),
        "fail",
        "must be an array of numbers; it is: list",
    ),
    "objects": (body(after="cols = cols.astype(object)"), "fail", "it is: array of object"),
    "far too large": (body(after="cols = np.zeros((2000, 2000))"), "fail", "far too large"),
    "error without words": (
        body("class Mute(Exception): __str__ = None\n    raise Mute"),
        "crash",
        "TypeError",
    ),
    "a thousand signs": (body(f"x = {'-' * 901}x"), "fail", "has the wrong sign"),
    "a strange escape": (body("'\\d'; []['a']"), "crash", "TypeError in line"),
    "nothing": (body(after="return"), "fail", "is None: is a `return` missing?"),
    "view": (
        body(after="x.resize(x.size, refcheck=False) if 0 else 0\n    cols = share(x, cols)")
        + """
def share(x, cols):
    same = cols.size == x.size and (cols.ravel() == x.ravel()).all()
    return x.reshape(cols.shape) if same else cols
""",
        "fail",
        "shows the memory of an argument",
    ),
    "in place": (body(after="x += 1"), "fail", "the argument `x` is not as it must be"),
    "NaN": (body(after="cols = cols / 0 * 0"), "fail", "holds NaN or infinity"),
    "zeros": (body(after="cols = cols * 0"), "fail", "is all zeros"),
    "sign": (body(after="cols = -cols"), "fail", "has the wrong sign"),
    "factor": (body(after="cols = 2 * cols"), "fail", "is 2 times what it must be"),
    "offset": (body(after="cols = cols + 2"), "fail", "is off by the same 2"),
    "shape": (body(after="cols = cols[:, :, :, 1:]"), "fail", "has the shape (1, 1, 1, 1)"),
    "flat": (body(after="cols = cols.ravel()"), "fail", "is a reshape missing?"),
    "one number": (body(after="cols = cols.copy(); cols[0, 0, 0, 0] = 99"), "fail", "differ, the "),
    "missing": ("", "missing", "There is no function 'im2col' in lesson.py"),
    "renamed": (body().replace("im2col", "im2cols"), "missing", "called 'im2cols' now?"),
    "no function": ("im2col = 3", "crash", "'int' object is not callable"),
    "other parameters": ("def im2col(x): return x", "crash", "takes 1 positional argument"),
    "syntax": ("def im2col(x:\n    return x", "crash", "lesson.py line"),
    "indentation": ("def im2col(x):\nreturn x", "crash", "expected an indented block"),
    "null bytes": ("\0", "crash", "null bytes"),
    "import": ("import no_such_module as im2col", "crash", "No module named 'no_such_module'"),
    "engine's": ("from minicnn.kernels.reference import im2col", "delegated", "engine's own"),
    "hidden call": (
        "def im2col(*a):\n    try:\n        from minicnn import kernels\n"
        "        return kernels.im2col(*a)\n    except BaseException:\n        return a[0]",
        "delegated",
        "engine's own",
    ),
    "fast twin": (
        "def im2col(*a):\n    from minicnn.kernels.fast.pooling import max_pool2d\n    return a[0]",
        "delegated",
        "engine's own",
    ),
}


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
    assert (result.status, result.says[:34]) == ("fail", "`gradient of b` did not come back:")
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
