"""TensorFlow, quiet and repeatable, and both kernel sets, for every test in this directory."""

import os

# TensorFlow reads these when it is imported, so they stand before that.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import pytest
import tensorflow as tf

from minicnn import kernels

from .twin import measured

keras.utils.set_random_seed(0)
tf.config.experimental.enable_op_determinism()


@pytest.fixture(params=kernels.SETS)
def kernel_set(request):
    """Each set of kernels in turn; the earlier one comes back after the test."""
    with kernels.use(request.param):
        yield request.param


def pytest_terminal_summary(terminalreporter):
    """With `-vv`, the largest error that was seen under each tolerance: what the tables quote."""
    if measured and terminalreporter.config.get_verbosity() >= 2:
        terminalreporter.section("largest errors against Keras")
        for what, error in sorted(measured.items()):
            terminalreporter.write_line(f"{error:8.1e}  {what}")
