"""The proof of the grader: it holds for our lessons, and it fails where it should."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from minicnn import kernels, nn, tape, tensor
from minicnn.learn import Exercise, Mutant, library, script, source
from minicnn.learn.notebooks import execute, is_empty
from minicnn.learn.swap import swap
from minicnn.learn.verify import holds_solution, is_reached, verify


@pytest.mark.slow
def test_a_lesson_is_proven():
    lesson = library.lesson(7)
    (proof,) = verify([lesson], library.lessons(), with_notebooks=False)
    assert proof.problems == []
    assert (proof.exercises, proof.mutants, proof.rejected, proof.named) == (2, 14, 14, 14)


@pytest.mark.slow
def test_a_lesson_is_proven_by_the_command_and_its_notebooks_execute(command):
    result = command("teach", "verify", 1, "--json")
    facts = json.loads(result.out)
    assert (result.code, facts["problems"]) == (0, {})
    assert facts["mutants"] == facts["rejected"] == facts["named"] >= 4 * facts["exercises"] > 0
    assert facts["figures"] > 0


def spoiled(**changes) -> Exercise:
    return dataclasses.replace(library.lesson(7).exercise("im2col"), **changes)


@pytest.fixture
def problems(tmp_path):
    """What the proof says of a lesson that has one exercise only, an im2col with changes."""

    def prove(**changes) -> list[str]:
        lesson = library.lesson(7)
        folder = shutil.copytree(lesson.folder, tmp_path / lesson.name)
        cell = "# %% exercise\nfrom minicnn.kernels.reference.windows import im2col\n"
        (folder / "lesson.py").write_text(cell)
        lesson = dataclasses.replace(lesson, folder=folder, exercises=(spoiled(**changes),))
        return verify([lesson], [], with_notebooks=False)[0].problems

    return prove


def test_mutants_that_prove_nothing_are_a_problem(problems):
    flipped = library.lesson(7).exercise("im2col").mutants[0]
    mutants = (
        flipped,
        Mutant("twin", flipped.edits, "Another sentence."),
        Mutant("harmless", [("padded = pad(", "padded = 1 * pad(")], "…"),
        Mutant("gone", [("no such text", "x")], "…"),
        Mutant("idle", [("padded = pad(", "padded  =  pad(")], "…"),
    )
    gone, idle, twin, harmless = problems(mutants=mutants)
    assert twin.startswith("im2col: mutant 'twin' ends as fail, named 'kernel_flipped': The cells")
    assert harmless == "im2col: mutant 'harmless' ends as pass, named None: "
    assert "the text 'no such text' stands 0 times in the engine's function" in gone
    assert idle == "mutant 'idle' of im2col changes nothing"


def test_too_few_mutants_or_hints_are_a_problem(problems):
    assert problems(mutants=(), hints=("one",)) == [
        "im2col has 0 mutants; four to eight are needed",
        "im2col has 1 hints; three are needed",
    ]


def test_a_solution_in_what_the_student_receives_is_found():
    lesson = library.lesson(7)
    im2col, conv2d = lesson.exercises
    stubs = script.with_stubs(lesson)
    assert not any(holds_solution(stubs, each) for each in lesson.exercises)
    assert all(holds_solution(script.solved(lesson), each) for each in lesson.exercises)
    body = source.solution(conv2d).partition('"""\n')[2]
    commented = "".join(f"# {line}\n" for line in body.splitlines())
    assert holds_solution(stubs + commented, conv2d)
    assert not holds_solution(stubs + commented, im2col)


def test_a_function_that_the_engine_does_not_call_is_found():
    im2col = spoiled(reached_by=lambda: kernels.relu(np.zeros(1)))
    assert not is_reached(im2col)
    assert is_reached(library.lesson(7).exercise("im2col"))


def test_a_swap_reaches_modules_and_tables_and_comes_back():
    before, he_normal = tape.topological_order, nn.init.he_normal
    orders, draws = [], []

    def order(root):
        orders.append(root)
        return before(root)

    def normal(rng, shape):
        draws.append(shape)
        return he_normal(rng, shape)

    with swap({"minicnn.tape:topological_order": order, "minicnn.nn.init:he_normal": normal}):
        x = tensor.Tensor([2.0], requires_grad=True)
        (x * x).backward()
        assert x.grad is not None
        assert x.grad.tolist() == [4.0]
        nn.Sequential(nn.Dense(3, init="he_normal"), input_shape=(2,))
        assert nn.init.INITIALIZERS["he_normal"] is normal
    assert (len(orders), draws) == (1, [(2, 3)])
    assert tape.topological_order is before
    assert nn.init.INITIALIZERS["he_normal"] is nn.init.he_normal is he_normal


def test_swapped_kernels_call_each_other():
    im2col, dweight = kernels.reference.im2col, kernels.reference.conv2d_dweight
    calls = []

    def mine(*args):
        calls.append(args)
        return im2col(*args)

    namespace = {"im2col": im2col}
    program = """
def conv2d_dweight(dy, x, kernel, stride, padding):
    return im2col(x, kernel, stride, padding).reshape(2, 2, 1, 1) * dy
"""
    exec(program, namespace)
    targets = {
        "minicnn.kernels.reference.windows:im2col": mine,
        "minicnn.kernels.reference.convolution:conv2d_dweight": namespace["conv2d_dweight"],
    }
    with kernels.use("reference"), swap(targets):
        kernels.conv2d_dweight(np.ones((1, 1, 1, 1)), np.ones((1, 2, 2, 1)), (2, 2))
    assert len(calls) == 1
    assert namespace["im2col"] is im2col
    assert kernels.reference.conv2d_dweight is dweight


def test_the_cut_keeps_signature_docstring_and_imports_but_no_body():
    exercise = library.lesson(8).exercise("conv2d_dx")
    stub, solution = source.stub(exercise), source.solution(exercise)
    head = solution[: solution.index('"""\n') + 4]
    assert stub.startswith(head)
    assert "dcols" not in stub
    assert "dcols" in solution
    namespace: dict = {}
    exec(source.imports(exercise) + "\n\n" + solution, namespace)
    dy, weight = np.ones((1, 1, 1, 1)), np.arange(4.0).reshape(2, 2, 1, 1)
    dx = namespace["conv2d_dx"](dy, weight, (1, 2, 2, 1))
    assert dx[0, :, :, 0].tolist() == [[0, 1], [2, 3]]


def test_a_notebook_tells_its_errors_and_figures():
    text = """\
# %%
import matplotlib.pyplot as plt
plt.plot([1, 3, 2])
plt.show()
plt.figure().add_axes((0, 0, 1, 1)).axis("off")
plt.show()

# %%
1 / 0
"""
    found = execute(text)
    assert found.errors == ["ZeroDivisionError: division by zero"]
    assert [is_empty(image) for image in found.figures] == [False, True]
