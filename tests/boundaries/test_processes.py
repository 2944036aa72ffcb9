"""What other processes leave to this one: compiled kernels on the disk, and locks at a fork.

Whatever happens to the files of a compiled function, a later process gets the function right, if
need be by compiling it again. Here a later process is the same function compiled by another
dispatcher, which finds on the disk what the first has left.
"""

import contextlib
import errno
import importlib
import itertools
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numba
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from minicnn import fit, nn
from minicnn.data import Dataset
from minicnn.data.augmentation import Augmentation
from minicnn.kernels.fast import cache
from minicnn.kernels.fast.parallel import CompiledKernel, inner
from minicnn.learn.student import StudentFile

# ------------------------------------------------------------------ compiled kernels on the disk


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of its own for each test, and so an empty folder for what is compiled of it."""
    name = f"module_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text("def twice(x):\n    return x + x\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cache.config, "CACHE_DIR", "")
    yield importlib.import_module(name)
    del sys.modules[name]


_numbers = itertools.count()


def kept(folder, ending):
    return sorted(folder.glob(f"__pycache__/*{ending}"))


def hits(function):
    """How many of its compiled functions a dispatcher has found on the disk."""
    return sum(function.stats.cache_hits.values())


def test_a_later_process_finds_what_was_compiled(module):
    assert inner(module.twice)(1.5) == 3.0
    later = inner(module.twice)
    assert (later(1.5), later(2), hits(later)) == (3.0, 4, 1)


def test_an_index_that_names_the_data_of_another_type(module, tmp_path):
    """As two processes leave it that compile at once: one's index, the other's data."""
    inner(module.twice)(1.5)
    (index,) = kept(tmp_path, ".nbi")
    of_floats = index.read_bytes()
    index.unlink()
    inner(module.twice)(2)
    index.write_bytes(of_floats)
    assert len(kept(tmp_path, ".nbc")) == 1
    broken = inner(module.twice)
    assert (broken(1.5), broken(2), hits(broken)) == (3.0, 4, 0)
    mended = inner(module.twice)
    assert (mended(1.5), mended(2), hits(mended)) == (3.0, 4, 2)


DAMAGE = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "of another program": lambda data: b"something else",
    "of another class": lambda data: b"cno_such_module\nNoSuchClass\n.",
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_a_damaged_file_is_compiled_anew(module, tmp_path, ending, damage):
    inner(module.twice)(1.5)
    (file,) = kept(tmp_path, ending)
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    broken = inner(module.twice)
    assert (broken(1.5), hits(broken)) == (3.0, 0)
    mended = inner(module.twice)
    assert (mended(1.5), hits(mended)) == (3.0, 1)


def test_data_of_an_earlier_text_does_not_count(module, tmp_path, monkeypatch):
    """As a process leaves it that is killed between writing the new index and the new data."""
    inner(module.twice)(1.5)
    (data,) = kept(tmp_path, ".nbc")
    earlier = data.read_bytes()
    monkeypatch.setattr(cache, "_text_of_kernels", lambda: "a kernel's other file has changed")
    changed = inner(module.twice)
    assert (changed(1.5), hits(changed)) == (3.0, 0)
    data.write_bytes(earlier)
    later = inner(module.twice)
    assert (later(1.5), hits(later)) == (3.0, 0)


def test_with_checks_of_bounds_and_without_are_two(module, monkeypatch):
    inner(module.twice)(1.5)
    monkeypatch.setattr(cache.config, "BOUNDSCHECK", 1)
    checked = inner(module.twice)
    assert (checked(1.5), hits(checked)) == (3.0, 0)
    monkeypatch.setattr(cache.config, "BOUNDSCHECK", None)
    unchecked = inner(module.twice)
    assert (unchecked(1.5), hits(unchecked)) == (3.0, 1)


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_what_cannot_be_written_is_compiled_and_said_once(module, monkeypatch, capsys, reason):
    def refuse(*arguments):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "replace", refuse)
    cache._say_not_kept.cache_clear()
    function = inner(module.twice)
    assert (function(1.5), function(2)) == (3.0, 4)
    said = capsys.readouterr().err
    assert said.count("\n") == said.count(os.strerror(reason)) == 1
    assert "NUMBA_CACHE_DIR" in said


def test_without_a_folder_that_can_be_written_kernels_are_compiled(module, monkeypatch, capsys):
    def refuse(*arguments, **settings):
        raise PermissionError

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)  # how numba tries
    cache._say_not_kept.cache_clear()
    kernel = CompiledKernel(module.twice)
    assert kernel.for_threads(1)(1.5) == 3.0
    assert capsys.readouterr().err.count("NUMBA_CACHE_DIR") == 1


def test_a_function_that_no_other_process_can_import_is_not_kept(module, tmp_path):
    namespace = {"__name__": "11_speed", "__file__": module.__file__}
    exec(compile("def twice(x):\n    return x + x\n", module.__file__, "exec"), namespace)
    assert inner(namespace["twice"])(1.5) == 3.0
    assert kept(tmp_path, ".nbi") == []


STUDENTS = """\
from numba import njit, prange

@njit(cache=True, parallel=True)
def raised(x):
    total = 0.0
    for i in prange(4):
        total += x
    if total > 1e9:
        raise ValueError("too large", x)
    return total
"""


def test_a_students_compiled_function_works_a_second_time_and_from_a_copy(tmp_path):
    mine = tmp_path / "mine" / "11_speed"
    mine.mkdir(parents=True)
    (mine / "lesson.py").write_text(STUDENTS)
    assert StudentFile(mine / "lesson.py").function("raised")(1.5) == 6.0
    assert StudentFile(mine / "lesson.py").function("raised")(1.5) == 6.0
    shutil.copytree(tmp_path / "mine", tmp_path / "copy")
    assert StudentFile(tmp_path / "copy/11_speed/lesson.py").function("raised")(1.5) == 6.0


AT_ONCE = """
import sys
import numpy as np
from minicnn import kernels

x = np.arange(-4, 4, dtype=sys.argv[1])
np.testing.assert_array_equal(kernels.relu(x), np.maximum(x, 0))
np.testing.assert_array_equal(kernels.dense(x[None, :4].repeat(99, 0), np.eye(4, 99, dtype=x.dtype),
                              np.zeros(99, x.dtype))[:, :4], x[None, :4].repeat(99, 0))
"""


@pytest.mark.slow
def test_two_processes_that_compile_for_two_types_at_once(run_python, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        for pair in range(4):
            run = partial(run_python, "-c", AT_ONCE, NUMBA_CACHE_DIR=str(tmp_path / str(pair)))
            for _ in range(2):
                list(pool.map(lambda dtype, run=run: run(dtype), ["float32", "float64"]))


# ------------------------------------------------------------------ forked processes

FORKS = """
import os, signal, sys, threading
import numpy as np
from minicnn import kernels

layer, busy = sys.argv[1:]
x = np.ones((64, 64, 64, 4), np.float32)
work = lambda: kernels.conv2d_dbias(x)  # so many numbers that all threads share them
want, stop = work(), threading.Event()
import numba

assert numba.threading_layer() == layer, numba.threading_layer()

def keep_working():
    while not stop.is_set():
        work()

if busy == "busy":
    threading.Thread(target=keep_working).start()
for _ in range(int(os.environ.get("FORKS", 3))):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os._exit(0 if (work() == want).all() else 3)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    work()
stop.set()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(
    ("layer", "busy"),
    [
        ("tbb", "busy"),
        ("omp", "idle"),
        pytest.param("tbb", "idle", marks=pytest.mark.slow),
        pytest.param("omp", "busy", marks=pytest.mark.slow),
        pytest.param("workqueue", "idle", marks=pytest.mark.slow),
        pytest.param("workqueue", "busy", marks=pytest.mark.slow),
    ],
)
def test_a_forked_process_runs_kernels(run_python, layer, busy):
    """Whether or not another thread was running one, and whatever starts numba's threads."""
    run_python("-c", FORKS, layer, busy, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2")


# ------------------------------------------------------------------ numbers of threads


@pytest.fixture
def some_threads():
    """Set how many threads work on kernels, and on NumPy's products."""
    before = numba.get_num_threads()

    @contextlib.contextmanager
    def work(count):
        numba.set_num_threads(count)
        with threadpool_limits(count):
            yield
        numba.set_num_threads(before)

    yield work
    numba.set_num_threads(before)


def test_the_same_seed_gives_the_same_bits_for_all_numbers_of_threads(some_threads):
    """Of a training with everything that adds up over a batch, the last one smaller."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((147, 16, 16, 1), np.float32), np.arange(147) % 10

    def trained():
        model = nn.Sequential(
            *(nn.Conv2D(16, 3), nn.BatchNorm(), nn.ReLU(), nn.Conv2D(40, 3), nn.ReLU()),
            *(nn.MaxPool2D(2), nn.Conv2D(40, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3)),
            *(nn.Dense(128), nn.BatchNorm(), nn.ReLU(), nn.Dense(10)),
        )
        fit(
            model,
            Dataset(images, labels),
            epochs=2,
            batch_size=64,
            augment=Augmentation(rotation=10, shift=0.1),
            ema=0.9,
            progress=False,
        )
        return [weight.tobytes() for weight in model.weights().values()]

    with some_threads(1):
        alone = trained()
    for threads in range(2, numba.config.NUMBA_NUM_THREADS + 1):
        with some_threads(threads):
            assert trained() == alone


# ------------------------------------------------------------------ what the environment says

NOTHING_COMPILED = """
import sys
sys.stderr = sys.stdout
import numpy as np
from minicnn import kernels, nn
from minicnn.learn.environment import examine
from minicnn.kernels.fast.elementwise import adam_step

kernels.use("fast")
assert nn.Sequential(nn.Conv2D(2, 3), input_shape=(5, 5, 1))(np.ones((1, 5, 5, 1))).shape[1] == 3
assert kernels.provenance()["conv2d"].startswith("minicnn.kernels.reference.")
assert "NUMBA_DISABLE_JIT" in "".join(each.says for each in examine().findings)
weight, *state = np.ones((4, 3), np.float32)
adam_step(weight, *state, 1, 0.1, 0.9, 0.999, 1e-7)  # in Python, where a debugger can stop
assert (weight < 1).all()
"""


def test_with_compiling_switched_off_the_reference_kernels_run(run_python):
    assert run_python("-c", NOTHING_COMPILED, NUMBA_DISABLE_JIT="1").count("\n") == 1
