"""A class graded in one run: what was planted is what comes out."""

import ast
import builtins
import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from html.parser import HTMLParser

import pytest

from minicnn.experiments.report.class_page import SIGNS, class_page
from minicnn.learn import library, process, script, source
from minicnn.learn.grade import COLUMNS, grade_class, handed_in, students_in

from .bad_input import BAD, body

PLANTED_BAD = (  # every kind that the files of students are known for
    "syntax",
    "endless loop",
    "endless recursion",
    "memory bomb",
    "sys.exit",
    "megabytes of print",
    "integers",
    "float32",
    "view",
    "in place",
    "NaN",
    "shape",
    "missing",
    "renamed",
    "engine's",
)


def hand_in(folder, student, number=7, **texts):
    """A submission, solved but for the functions given."""
    lesson = library.lesson(number)
    text = script.render(lesson, lambda e: texts.get(e.name, source.solution(e)))
    place = folder / student / lesson.name
    place.mkdir(parents=True)
    (place / "lesson.py").write_text(text)
    return place / "lesson.py"


PASS = ("pass", "", "")


def planted():
    """30 students of lesson 7: what each hands in, and (status, misconception, words) of each."""
    im2col, conv2d = library.lesson(7).exercises
    plan = [({}, {"im2col": PASS, "conv2d": PASS})]
    for kind in PLANTED_BAD:
        text, status, says = BAD[kind]
        bad = (status, "", says)
        # With a syntax error in the file no function of it can be judged.
        plan.append(
            ({"im2col": text}, {"im2col": bad, "conv2d": bad if kind == "syntax" else PASS})
        )
    for exercise, other in (im2col, conv2d), (conv2d, im2col):
        for mutant in exercise.mutants:
            status = "crash" if mutant.name == "padding_ignored" and exercise is im2col else "fail"
            named = (status, mutant.name, mutant.says)
            text = source.mutated(exercise, mutant)
            plan.append(({exercise.name: text}, {exercise.name: named, other.name: PASS}))
    return plan


@pytest.fixture
def submissions(tmp_path):
    """Five students: one is done, one is wrong, one has begun, one never, one was bad."""
    folder = tmp_path / "class"
    im2col = library.lesson(7).exercise("im2col")
    hand_in(folder, "ada")
    hand_in(folder, "blaise", im2col=source.mutated(im2col, im2col.mutants[0]))
    hand_in(folder, "carl/mine", im2col=source.stub(im2col))
    (folder / "dora").mkdir()
    hand_in(folder, "emmy ∑ <b>").write_bytes(b"\xff\xfe")
    (folder / "notes.txt").write_text("no submission")
    return folder


def read(text):
    rows = list(csv.DictReader(io.StringIO(text)))
    assert all(tuple(row) == COLUMNS for row in rows)
    return rows


@pytest.mark.slow
def test_a_class_of_thirty_comes_out_as_it_was_planted(command, tmp_path):
    plan = {f"student {number:02d}": each for number, each in enumerate(planted(), 1)}
    for student, (texts, _) in plan.items():
        hand_in(tmp_path / "class", student, **texts)
    out = tmp_path / "grades"
    settings = ("--seed", 7, "--timeout", 4, "--out", out)
    result = command("teach", "grade", tmp_path / "class", "--csv", *settings)
    assert (result.code, result.err, len(plan)) == (0, "", 30)
    assert (out / "grades.csv").read_text() == result.out.removesuffix("\n")
    lines = read((out / "grades.csv").read_text())
    expected = [
        (student, name, *what) for student, (_, each) in plan.items() for name, what in each.items()
    ]
    assert len(lines) == len(expected) == 60
    wrong = []
    for line, (student, name, status, misconception, says) in zip(
        lines, sorted(expected, key=lambda e: (e[0], e[1] != "im2col")), strict=True
    ):
        found = (line["student"], line["exercise"], line["status"], line["misconception"])
        if found != (student, name, status, misconception) or says not in line["says"]:
            wrong.append((line, status, misconception, says))
        assert (line["lesson"], line["seed"]) == ("7", "7")
    assert wrong == []


def test_one_bad_file_never_stops_the_class(command, submissions, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in submissions.rglob("*") if path.is_file()}
    result = command("teach", "grade", submissions, "--seed", 3, "--json")
    assert (result.code, result.err) == (0, "")
    facts = json.loads(result.out)
    found = {(each["student"], each["exercise"]): each for each in facts["grades"]}
    statuses = {key: each["status"] for key, each in found.items()}
    assert statuses == {
        ("ada", "im2col"): "pass",
        ("ada", "conv2d"): "pass",
        ("blaise", "im2col"): "fail",
        ("blaise", "conv2d"): "pass",
        ("carl", "im2col"): "todo",
        ("carl", "conv2d"): "pass",
        ("dora", "im2col"): "missing",
        ("dora", "conv2d"): "missing",
        ("emmy ∑ <b>", "im2col"): "crash",
        ("emmy ∑ <b>", "conv2d"): "crash",
    }
    mutant = library.lesson(7).exercise("im2col").mutants[0]
    blaise = found["blaise", "im2col"]
    assert (blaise["misconception"], blaise["says"]) == (mutant.name, mutant.says)
    assert (facts["seed"], facts["lessons"]) == (3, ["07_convolution"])
    written = json.loads((tmp_path / "grades-1" / "grades.json").read_text())
    assert written == facts
    rows = read((tmp_path / "grades-1" / "grades.csv").read_text())
    assert [row["says"] for row in rows] == [each["says"] for each in facts["grades"]]
    after = {path: path.read_bytes() for path in submissions.rglob("*") if path.is_file()}
    assert after == before, "a submission was changed"


def test_what_goes_wrong_in_a_check_is_that_students_alone(submissions, monkeypatch):
    from minicnn.learn import grade

    check = grade.check

    def broken(lesson, exercise, path, *settings):
        if "blaise" in str(path):
            raise RuntimeError("two\nlines")
        return check(lesson, exercise, path, *settings)

    monkeypatch.setattr(grade, "check", broken)
    found = grade_class(submissions, [library.lesson(7)])
    by_student = {each.student: each.result for each in found.grades}
    assert by_student["ada"].status == "pass"
    assert by_student["blaise"].status == "crash"
    assert by_student["blaise"].says == "It cannot be checked: two lines"


def test_one_thread_at_a_time_is_in_the_parser(submissions, monkeypatch):
    """CPython 3.11's parser cannot stand two, and `np.load` goes to it too."""
    parse, in_turn = builtins.compile, []

    def spy(text, name, mode, flags=0, *settings, **more):
        if flags & ast.PyCF_ONLY_AST and threading.current_thread() is not threading.main_thread():
            in_turn.append(process.turn.locked())
        return parse(text, name, mode, flags, *settings, **more)

    monkeypatch.setattr(builtins, "compile", spy)
    grade_class(submissions, [library.lesson(7)])
    assert len(in_turn) > 50
    assert all(in_turn)
    assert not process.turn.locked()


class Cells(HTMLParser):
    """The signs in the table of a class page, by row."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.in_body = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        kinds = dict(attrs).get("class", "").split()
        if tag == "tbody":
            self.in_body = True
        elif tag == "tr" and self.in_body:
            self.rows.append([])
        elif tag == "span" and self.in_body and "sign" in kinds:
            self.rows[-1].append(kinds[1])


def test_the_page_shows_every_grade_and_needs_nothing_else(submissions):
    text = class_page(grade_class(submissions, [library.lesson(7)], seed=11))
    assert Cells(text).rows == [
        ["pass", "pass"],
        ["misconception", "pass"],
        ["todo", "pass"],
        ["missing", "missing"],
        ["crash", "crash"],
    ]
    mutant = library.lesson(7).exercise("im2col").mutants[0]
    assert f"<code>{mutant.name}</code>" in text
    assert "no sandbox" in text
    assert "--seed 11" in text
    assert "emmy ∑ &lt;b&gt;" in text
    assert "<b>" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text


def test_every_status_has_a_sign():
    from minicnn.experiments.report.class_page import MEANINGS
    from minicnn.learn.check import STATUSES

    assert {*SIGNS} == {*STATUSES, "misconception"} == {*MEANINGS}


def test_only_lessons_that_came_in_are_graded(submissions):
    hand_in(submissions, "dora", 8)
    assert students_in(submissions) == ["ada", "blaise", "carl", "dora", "emmy ∑ <b>"]
    assert [each.number for each in handed_in(submissions, library.lessons())] == [7, 8]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "nowhere: cannot be read: No such file or directory"),
        (["notes.txt"], "notes.txt: cannot be read: Not a directory"),
        (["empty"], "empty holds no submissions: it needs a folder for each student"),
        (["class/dora"], "class/dora holds no submissions"),
        (["empty2"], "empty2: no student has handed in a lesson, as NN_name/lesson.py"),
        (["class", "--lesson", "99"], "there is no lesson 99; known: "),
        (["class", "--out", "class"], "class exists already and is not overwritten"),
        (["class", "--jobs", "0"], "Invalid value for '--jobs'"),
    ],
)
def test_a_teachers_mistake_is_answered_in_a_line(
    command, submissions, tmp_path, monkeypatch, arguments, says
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty2" / "ada").mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("")
    result = command("teach", "grade", *arguments)
    assert (result.code, says in " ".join(result.err.replace("│", " ").split())) == (2, True)
    assert not (tmp_path / "grades-1").exists()


@pytest.mark.usefixtures("_interruptible")
def test_ctrl_c_ends_the_students_processes_and_leaves_nothing(tmp_path):
    mark = tmp_path / "mark"
    loop = body(f"while True: open({str(mark)!r}, 'w').close(); import time; time.sleep(0.02)")
    for student in "ada", "blaise", "carl":
        hand_in(tmp_path / "class", student, im2col=loop)
    grading = subprocess.Popen(
        [sys.executable, "-m", "minicnn", "teach", "grade", "class", "--timeout", "60"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.05)
    grading.send_signal(signal.SIGINT)
    _, err = grading.communicate(timeout=20)
    assert (grading.returncode, err) == (130, "minicnn: stopped by Ctrl-C\n")
    mark.unlink()
    time.sleep(0.3)
    assert not mark.exists(), "a student's process still runs"
    assert os.listdir(tmp_path) == ["class"]
