"""Counted arithmetic, against counts by hand; the profile's parts, against the counts."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from minicnn import kernels, nn, zoo
from minicnn.cli import app
from minicnn.errors import ShapeError
from minicnn.insight import profiling as flops
from minicnn.insight.profiling import profile

from ..lanes import slow_but


def test_flops_of_cnn_classic_by_hand():
    conv1 = 26 * 26 * 32 * (3 * 3 * 1)
    conv2 = 11 * 11 * 64 * (3 * 3 * 32)
    dense1, dense2 = 1600 * 128, 128 * 10
    model = zoo.build("cnn_classic")
    assert flops.forward_flops(model) == 2 * (conv1 + conv2 + dense1 + dense2)
    assert flops.training_flops(model) == 2 * (2 * conv1 + 3 * (conv2 + dense1 + dense2))
    assert flops.training_flops(model) == pytest.approx(15.4e6, rel=0.001)


def test_flops_of_the_mlp_by_hand():
    assert flops.training_flops(zoo.build("mlp")) == 2 * (2 * 784 * 784 + 3 * 784 * 10)


def test_bytes_of_cnn_classic_by_hand():
    model = zoo.build("cnn_classic")
    assert flops.column_bytes(model) == 4 * 11 * 11 * 3 * 3 * 32
    outputs = 26 * 26 * 32 + 13 * 13 * 32 + 11 * 11 * 64 + 5 * 5 * 64 + 1600 + 128 + 128 + 10
    assert flops.activation_bytes(model) == 4 * outputs


def test_a_model_without_shape_cannot_be_counted():
    with pytest.raises(ShapeError, match="not built yet"):
        flops.forward_flops(nn.Sequential(nn.Flatten(), nn.Dense(2)))


@pytest.mark.parametrize("name", slow_but(("mlp", "cnn_classic"), zoo.MODELS))
def test_the_parts_of_a_step_make_up_its_arithmetic(name):
    model = zoo.build(name)
    before = model.weights()
    images = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    found = profile(model, images, np.array([0, 9, 4]), rounds=1)
    assert sum(cost.flops for cost in found.costs) == 3 * flops.training_flops(model)
    forward = [cost.flops for cost in found.costs if cost.direction == "forward"]
    assert sum(forward) == 3 * flops.forward_flops(model)
    assert all(cost.seconds > 0 for cost in found.costs)
    assert found.step_seconds > 0
    for weight, kept in before.items():
        np.testing.assert_array_equal(model.weights()[weight], kept)


def test_layers_of_one_pass_are_one_part_and_idle_ones_are_none():
    model = zoo.build("cnn_light")
    found = profile(model, np.ones((2, 28, 28, 1), np.float32), np.array([1, 2]), rounds=1)
    parts = [(cost.part, cost.direction) for cost in found.costs]
    assert parts[:2] == [("conv2d + max_pool2d", "forward"), ("conv2d + max_pool2d", "backward")]
    mlp = profile(zoo.build("mlp"), np.ones((2, 28, 28, 1), np.float32), np.array([1, 2]), 1)
    assert [cost.direction for cost in mlp.costs if cost.part == "flatten"] == ["forward"]


@pytest.mark.parametrize("kernel_set", kernels.SETS)
def test_the_command_for_both_sets_of_kernels(kernel_set):
    options = ["--batch-size", "4", "--rounds", "1", "--kernels", kernel_set]
    table = CliRunner().invoke(app, ["profile", "cnn_compact", *options])
    assert table.exit_code == 0, table.output
    assert "conv2d_1 + max_pool2d_1  backward" in table.output
    found = json.loads(CliRunner().invoke(app, ["profile", "mlp", "--json", *options]).output)
    assert found["batch_size"] == 4
    assert found["costs"][1]["part"] == "dense"
