"""The table of kernels: whose function runs, for how long, and from several threads at once."""

import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from minicnn import functional as F
from minicnn import kernels, nn, optim
from minicnn.data.augmentation import Augmentation
from minicnn.errors import UnknownNameError
from minicnn.kernels import reference
from minicnn.tensor import Tensor

from .lanes import slow_but


@pytest.fixture(autouse=True)
def the_table_comes_back():
    with kernels.use("fast"):
        yield


class Counted:
    """A kernel, and how often it was called."""

    def __init__(self, kernel):
        self.kernel, self.calls = kernel, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.kernel(*args, **kwargs)


def my_relu(x):
    return np.maximum(x, 0)


def other_relu(x):
    return np.maximum(x, 0)


def source(name):
    """The module and name of the function behind an entry."""
    return kernels.provenance()[name]


def names(*entries):
    """The names alone."""
    return [source(entry).split(".")[-1] for entry in entries]


# ------------------------------------------------------------------ choosing a set


def test_fast_is_what_runs_from_the_start(run_python):
    program = "from minicnn import kernels; print(kernels.provenance()['conv2d'])"
    assert run_python("-c", program).startswith("minicnn.kernels.fast.")


def test_the_set_is_chosen_at_once_and_stays():
    kernels.use("reference")
    assert source("conv2d") == "minicnn.kernels.reference.convolution.conv2d"
    assert {*map(source, kernels.NAMES)} == {
        f"{getattr(reference, n).__module__}.{n}" for n in kernels.NAMES
    }
    kernels.use("fast")
    assert source("conv2d") == "minicnn.kernels.fast.convolution.conv2d"


def test_as_a_context_the_earlier_table_comes_back_even_after_an_error():
    def fail_inside():
        with kernels.use("reference", relu=my_relu):
            assert source("relu") == f"{__name__}.my_relu"
            _ = 1 / 0

    before = kernels.provenance()
    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert kernels.provenance() == before


def test_contexts_nest_and_replacements_add_up():
    with kernels.use("reference", relu=my_relu):
        with kernels.use(softmax=other_relu):
            assert names("relu", "softmax") == ["my_relu", "other_relu"]
            with kernels.use(relu=other_relu):
                assert names("relu", "softmax") == ["other_relu", "other_relu"]
            assert names("relu") == ["my_relu"]
        assert names("relu", "softmax") == ["my_relu", "softmax"]
    assert source("softmax") == "minicnn.kernels.reference.loss.softmax"  # there is no faster one


def test_choosing_a_set_drops_earlier_replacements():
    kernels.use(relu=my_relu)
    kernels.use("reference")
    assert names("relu") == ["relu"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("fsat", {}), "unknown kernel set 'fsat'; did you mean 'fast'"),
        ((None, {"im2cols": my_relu}), "unknown kernel 'im2cols'; did you mean 'im2col'"),
        ((None, {"cells": my_relu}), "unknown kernel 'cells'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_and_changes_nothing(names, message):
    before = kernels.provenance()
    set_name, overrides = names
    with pytest.raises(UnknownNameError, match=message):
        kernels.use(set_name, **overrides)
    assert kernels.provenance() == before


def test_an_unknown_entry_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'conv3d'"):
        _ = kernels.conv3d


# ------------------------------------------------------------------ replacing a part

PARTS = {
    "im2col": {"conv2d", "conv2d_dweight"},
    "col2im": {"conv2d_dx"},
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("set_name", kernels.SETS)
def test_what_is_built_from_a_replaced_part_calls_the_replacement(part, set_name):
    mine = Counted(getattr(reference, part))
    x, weight = np.ones((2, 5, 5, 3)), np.ones((3, 3, 3, 2))
    arguments = {
        "conv2d": (x, weight, np.ones(2)),
        "conv2d_dweight": (np.ones((2, 3, 3, 2)), x, (3, 3)),
        "conv2d_dx": (np.ones((2, 3, 3, 2)), weight, x.shape),
    }
    with kernels.use(set_name, **{part: mine}):
        for name, args in arguments.items():
            before = mine.calls
            np.testing.assert_allclose(
                getattr(kernels, name)(*args), getattr(reference, name)(*args), rtol=1e-14
            )
            assert mine.calls - before == (name in PARTS[part]), name


def test_every_kernel_built_from_a_replaced_part_is_taken_apart_and_no_other():
    with kernels.use("fast", im2col=my_relu):
        replaced = {n for n in kernels.NAMES if "my_relu" in source(n)}
        others = {n: source(n) for n in kernels.NAMES if n not in replaced}
    built_of_built = {"conv2d_relu", "conv2d_relu_max_pool2d", "conv2d_dweight_from_argmax"}
    assert {"im2col", *PARTS["im2col"], *built_of_built} <= replaced
    assert not replaced & {"col2im", "conv2d_dx", "relu", "max_pool2d", "adam_step"}
    before = kernels.provenance()
    assert others == {name: before[name] for name in others}


def test_provenance_names_the_function_and_its_replaced_parts():
    with kernels.use("fast", im2col=my_relu):
        assert source("im2col") == f"{__name__}.my_relu"
        assert (
            source("conv2d")
            == f"minicnn.kernels.reference.convolution.conv2d with {__name__}.my_relu"
        )
    with kernels.use(relu=lambda x: x):
        assert source("relu").endswith("<lambda>")
    with kernels.use(relu=Counted(my_relu)):
        assert "Counted" in source("relu")


def trained_weights(set_name, **overrides):
    """All weights after three steps of a small network."""
    rng = np.random.default_rng(0)
    x, labels = rng.uniform(-1, 1, (4, 9, 9, 1)).astype(np.float32), np.array([0, 1, 2, 1])
    model = nn.Sequential(
        nn.Conv2D(4, 3, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(5, 2, padding="same"),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dense(3),
        input_shape=(9, 9, 1),
    )
    optimizer = optim.Adam(0.01)
    with kernels.use(set_name, **overrides):
        for _ in range(3):
            model.zero_grad()
            F.softmax_cross_entropy(model(x, training=True), labels).backward()
            optimizer.step(model.parameters())
    return np.concatenate([w.ravel() for w in model.weights().values()])


def test_training_with_replaced_parts_gives_the_numbers_of_the_reference():
    expected = trained_weights("reference")
    parts = {"im2col": Counted(reference.im2col), "col2im": Counted(reference.col2im)}
    np.testing.assert_array_equal(trained_weights("reference", **parts), expected)
    assert parts["im2col"].calls == 3 * 4
    assert parts["col2im"].calls == 3  # the first layer's input needs no gradient
    # The other entries stay the fast ones, which round differently; three steps are 0.03 long.
    np.testing.assert_allclose(trained_weights("fast", **parts), expected, rtol=0, atol=3e-6)
    np.testing.assert_allclose(trained_weights("fast"), expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize("name", kernels.NAMES)
def test_a_wrong_replacement_is_felt(name):
    """Whatever entry of the table is spoilt, the engine runs into it: none is bypassed."""

    def spoilt(*args, **kwargs):
        raise ZeroDivisionError(name)

    rng = np.random.default_rng(0)
    x = Tensor(rng.uniform(-1, 1, (2, 6, 6, 1)), requires_grad=True)
    model = nn.Sequential(
        nn.Conv2D(2, 3, activation="relu"),
        nn.MaxPool2D(2),
        nn.BatchNorm(),
        nn.Conv2D(2, 2, padding="same", activation="relu"),
        nn.Conv2D(2, 1),
        nn.BatchNorm(),
        nn.ReLU(),
        nn.AveragePool2D(1),
        nn.MaxPool2D(2, 1),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Dense(4, activation="relu"),
        nn.Dense(3),
        nn.Activation("softmax"),
    )
    model.ensure_built((6, 6, 1))

    def train():
        F.softmax_cross_entropy(model(x, training=True), np.array([0, 1])).backward()
        optim.SGD().step(model.parameters())
        optim.Adam().step(model.parameters())
        Augmentation()(x.data, rng)

    train()
    with kernels.use("fast", **{name: spoilt}), pytest.raises(ZeroDivisionError, match=name):
        train()


# ------------------------------------------------------------------ several threads

TWO_THREADS = """
import threading
import numpy as np
from minicnn import kernels

rng = np.random.default_rng(0)
x, dy = rng.standard_normal((6, 9, 9, 5)), rng.standard_normal((6, 7, 7, 4))
weight, bias = rng.standard_normal((3, 3, 5, 4)), rng.standard_normal(4)

def work():
    weights = [np.ones(30000) for _ in range(3)]
    kernels.adam_step(weights[0], weights[1], weights[2], np.ones(30000), 1, 0.1, 0.9, 0.99, 1e-7)
    y, winner = kernels.max_pool2d(x, (2, 2), (2, 2))
    return [
        kernels.conv2d(x, weight, bias),
        kernels.conv2d_dweight(dy, x, (3, 3)),
        kernels.conv2d_dx(dy, weight, x.shape),
        kernels.conv2d_dbias(dy),
        kernels.relu(x),
        kernels.matmul(dy.reshape(-1, 4), weight.reshape(-1, 4).T),
        kernels.max_pool2d_vjp(y, winner, x.shape, (2, 2), (2, 2)),
        *weights,
    ]

expected = work()
wrong, rounds = [], [0, 0]

def many(which):
    for _ in range(150):
        for found, right in zip(work(), expected, strict=True):
            if not np.array_equal(found, right):
                wrong.append(which)
        rounds[which] += 1

threads = [threading.Thread(target=many, args=(i,)) for i in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(rounds, "wrong:", len(wrong))
"""


@pytest.mark.parametrize("layer", slow_but(["workqueue"], ["workqueue", "default"]))
def test_two_python_threads_run_fast_kernels_at_once(run_python, layer):
    """numba's "workqueue" layer aborts the process when two threads enter it together."""
    out = run_python("-c", TWO_THREADS, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2")
    assert out == "[150, 150] wrong: 0\n"


@pytest.mark.slow
def test_what_is_compiled_ahead_is_what_a_training_step_needs(run_python, tmp_path):
    """Of those kernels nothing more is compiled then: arrays and numbers have the same types."""
    names = {"_multiply_nonzero", "_weight_gradient", "_input_gradient_from_argmax", "_adam_step"}
    env = {"NUMBA_CACHE_DIR": str(tmp_path), "MINICNN_COMPILES_AHEAD": "yes"}

    def compiled() -> dict[str, set[str]]:
        kept = [path.name for path in tmp_path.rglob("*.nbc")]
        return {name: {file for file in kept if f".{name}-" in file} for name in names}

    run_python("-m", "minicnn.kernels.fast.ahead", **env)
    ahead = compiled()
    assert all(ahead.values())
    step = Path(__file__).parents[1] / "benchmarks" / "scripts" / "first_step.py"
    assert run_python(str(step), **env) == "first step done\n"
    assert compiled() == ahead


def test_blocks_of_threads_may_overlap_in_any_order():
    """Each thread runs its own choice inside; behind all of them the table is as before."""
    before = kernels.provenance()
    entered, left = threading.Barrier(3), [threading.Event() for _ in range(3)]
    choices = [("reference", {}), (None, {"relu": my_relu}), ("fast", {"softmax": other_relu})]
    seen = {}

    def work(which):
        set_name, overrides = choices[which]
        with kernels.use(set_name, **overrides):
            entered.wait(10)
            if which:  # the first to enter is the first to leave
                left[which - 1].wait(10)
            seen[which] = names("relu", "softmax")
        left[which].set()

    threads = [threading.Thread(target=work, args=(which,)) for which in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[0] == ["relu", "softmax"]
    assert seen[1][0] == "my_relu"
    assert seen[2] == ["relu", "other_relu"]
    assert kernels.provenance() == before


def test_many_overlapping_blocks_leave_the_table_as_it_was():
    before, interval = kernels.provenance(), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    wrong = []

    def work(mine):
        for _ in range(150):
            with kernels.use("reference", relu=mine):
                if source("relu") != f"{__name__}.{mine.__name__}":
                    wrong.append(source("relu"))

    threads = [threading.Thread(target=work, args=(f,)) for f in (my_relu, other_relu)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
    assert kernels.provenance() == before


def test_a_thread_without_a_block_sees_the_choice_of_the_process():
    seen = []
    with kernels.use("reference", relu=my_relu):
        thread = threading.Thread(target=lambda: seen.extend(names("relu")))
        thread.start()
        thread.join()
    assert seen == ["my_relu"]


def test_a_choice_outside_a_block_stays_and_one_inside_ends_with_it():
    kernels.use("reference")
    with kernels.use("fast"):
        kernels.use(relu=my_relu)
        assert names("relu") == ["my_relu"]
    assert source("relu") == "minicnn.kernels.reference.activations.relu"
    for _ in range(100):  # the choices before are forgotten
        kernels.use("fast")
        kernels.use("reference")
    assert len(kernels._in_force.choices) < 10
