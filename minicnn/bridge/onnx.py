"""ONNX files, for onnxruntime and whatever else runs them.

The pictures go in as minicnn has them, (N, H, W, C) with N left free; the file turns them to ONNX's
(N, C, H, W) by a `Transpose` of its own before the first window, and back before `Flatten`.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn import __version__, nn
from minicnn.bridge.extras import required
from minicnn.bridge.keras_config import described_shape, free
from minicnn.kernels.geometry import Pair, pads
from minicnn.nn.module import Module, Shape
from minicnn.tape import Array

# What onnxruntime 1.31 takes; the newest that the onnx package writes is refused.
IR_VERSION, OPSET = 10, 17

INPUT = "images"
BATCH = 500
OUTPUTS = {
    "logits": "logits",
    "softmax": "probabilities",
    "sigmoids": "probabilities",
    "numbers": "numbers",
}
ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softmax": "Softmax"}


def onnx_bytes(model: nn.Sequential, softmax: bool = True) -> bytes:
    """Return the content of an ONNX file, IR 10 and opset 17.

    - `softmax`: logits pass through a softmax: the output is `probabilities` (N, classes) instead
      of `logits`. A model that ends in a softmax or in sigmoids gives `probabilities` as it is, one
      that ends in mere numbers `numbers`.

    The input is `images`, float32 (N, H, W, C) in [0, 1]; the class names are in the metadata, as
    JSON at `class_names`. Dropout does nothing in prediction and is left out. Raises
    `MissingPackageError` without the onnx package, `ShapeError` before the model is built.
    """
    onnx = required("onnx", "export")
    shape = described_shape(model)
    graph = _OnnxGraph(onnx.helper, shape)
    for layer in model.layers:
        graph.add(layer)
    output = OUTPUTS[model.head.kind]
    if softmax and output == "logits":
        graph.activate("softmax")
        output = "probabilities"
    output = graph.finish(output)
    built = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "minicnn",
            [_value(onnx, INPUT, shape)],
            [_value(onnx, output, graph.shape)],
            [onnx.numpy_helper.from_array(a, name) for name, a in graph.weights.items()],
        ),
        ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        producer_name="minicnn",
        producer_version=__version__,
    )
    if model.class_names is not None:
        onnx.helper.set_model_props(built, {"class_names": json.dumps(model.class_names)})
    onnx.checker.check_model(built, full_check=True)
    content: bytes = built.SerializeToString()
    return content


def _value(onnx: Any, name: str, shape: Shape) -> Any:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", *shape])


class _OnnxGraph:
    """The nodes so far, and of what they give: name, shape without N, and order of the axes.

    `shape` is minicnn's (H, W, C) even while `channels_first` says that the axes are turned.
    """

    def __init__(self, helper: Any, shape: Shape):
        self.helper, self.shape = helper, shape
        self.nodes: list[Any] = []
        self.weights: dict[str, Array] = {}
        self.value, self.channels_first = INPUT, False
        self.taken = {INPUT, *OUTPUTS.values()}

    def add(self, layer: Module) -> None:
        """Add the nodes of one layer."""
        _ADD[type(layer)](self, layer)
        self.shape = layer.output_shape(self.shape)

    def node(self, kind: str, name: str, *weights: str, **attributes: Any) -> None:
        """One node that takes the value so far and these weights."""
        name = self._new(name)
        inputs, self.value = [self.value, *weights], name
        node = self.helper.make_node(kind, inputs, [name], name=name, **attributes)
        self.nodes.append(node)

    def weight(self, name: str, array: Array) -> str:
        """Keep an array, as float32 unless it holds whole numbers, for the nodes to refer to."""
        name = self._new(name)
        kept = np.int64 if array.dtype.kind == "i" else np.float32
        self.weights[name] = np.ascontiguousarray(array, kept)
        return name

    def turn(self, channels_first: bool) -> None:
        """Turn the value to this order of axes if it is not in it."""
        rank = len(self.shape)
        if channels_first != self.channels_first and rank > 1:
            others = [*range(1, rank)] if channels_first else [*range(2, rank + 1)]
            permutation = [0, rank, *others] if channels_first else [0, *others, 1]
            self.node("Transpose", f"{self.value}/turned", perm=permutation)
            self.channels_first = channels_first

    def activate(self, activation: str | None) -> None:
        """Apply an activation to the value so far."""
        if activation is not None:
            axis = {"axis": 1 if self.channels_first else -1} if activation == "softmax" else {}
            self.node(ACTIVATIONS[activation], f"{self.value}/{activation}", **axis)

    def finish(self, name: str) -> str:
        """Give the last value its axes and its name."""
        self.turn(channels_first=False)
        self.nodes.append(self.helper.make_node("Identity", [self.value], [name], name=name))
        return name

    def _new(self, name: str) -> str:
        """Return a name that nothing else has, not even an input or output of the model."""
        name = free(name, self.taken)
        self.taken.add(name)
        return name

    # -------------------------------------------------------------- layers

    def dense(self, layer: nn.Dense) -> None:
        weight = self.weight(f"{layer.name}/weight", layer.weight.data)
        self.node(
            "Gemm", str(layer.name), weight, self.weight(f"{layer.name}/bias", layer.bias.data)
        )
        self.activate(layer.activation)

    def conv2d(self, layer: nn.Conv2D) -> None:
        self.turn(channels_first=True)
        kernel = layer.weight.data.transpose(3, 2, 0, 1)  # (KH, KW, C, F) -> (F, C, KH, KW)
        self.node(
            "Conv",
            str(layer.name),
            self.weight(f"{layer.name}/weight", kernel),
            self.weight(f"{layer.name}/bias", layer.bias.data),
            **self.windows(layer._kernel, layer._stride, layer.padding),
        )
        self.activate(layer.activation)

    def max_pool(self, layer: nn.MaxPool2D) -> None:
        self.turn(channels_first=True)
        windows = self.windows(layer._pool, layer._stride, layer.padding)
        self.node("MaxPool", str(layer.name), **windows)

    def average_pool(self, layer: nn.AveragePool2D) -> None:
        self.turn(channels_first=True)
        windows = self.windows(layer._pool, layer._stride, layer.padding)
        self.node("AveragePool", str(layer.name), count_include_pad=0, **windows)

    def global_average_pool(self, layer: nn.GlobalAveragePool2D) -> None:
        self.turn(channels_first=False)
        self.node("ReduceMean", str(layer.name), axes=[1, 2], keepdims=0)

    def windows(self, size: Pair, stride: Pair, padding: str) -> dict[str, list[int]]:
        """Return the attributes that all windows have; the padding counted out, as Keras pads."""
        height, width, _ = self.shape
        (top, bottom), (left, right) = pads((height, width), size, stride, padding)
        shape = {"kernel_shape": list(size), "strides": list(stride)}
        return {**shape, "pads": [top, left, bottom, right]}

    def batch_norm(self, layer: nn.BatchNorm) -> None:
        self.turn(channels_first=True)
        weights = [self.weight(f"{layer.name}/{n}", t.data) for n, t in layer.named_tensors()]
        self.node("BatchNormalization", str(layer.name), *weights, epsilon=layer.epsilon)

    def flatten(self, layer: nn.Flatten) -> None:
        self.turn(channels_first=False)
        self.node("Flatten", str(layer.name), axis=1)

    def reshape(self, layer: nn.Reshape) -> None:
        self.turn(channels_first=False)
        shape = np.array([0, *layer.output_shape(self.shape)])  # 0: N, as it is
        self.node("Reshape", str(layer.name), self.weight(f"{layer.name}/shape", shape))

    def rescaling(self, layer: nn.Rescaling) -> None:
        self.turn(channels_first=False)
        for kind, setting in (("Mul", "scale"), ("Add", "offset")):
            name = f"{layer.name}/{setting}"
            weight = self.weight(f"{name}s", np.asarray(getattr(layer, setting), np.float32))
            self.node(kind, name, weight)

    def activation(self, layer: nn.ReLU | nn.Activation) -> None:
        self.activate(getattr(layer, "activation", "relu"))

    def nothing(self, layer: nn.Dropout) -> None:
        """Dropout in prediction."""


_ADD: dict[type[Module], Callable[[_OnnxGraph, Any], None]] = {
    nn.Dense: _OnnxGraph.dense,
    nn.Conv2D: _OnnxGraph.conv2d,
    nn.MaxPool2D: _OnnxGraph.max_pool,
    nn.AveragePool2D: _OnnxGraph.average_pool,
    nn.GlobalAveragePool2D: _OnnxGraph.global_average_pool,
    nn.BatchNorm: _OnnxGraph.batch_norm,
    nn.Flatten: _OnnxGraph.flatten,
    nn.Reshape: _OnnxGraph.reshape,
    nn.Rescaling: _OnnxGraph.rescaling,
    nn.ReLU: _OnnxGraph.activation,
    nn.Activation: _OnnxGraph.activation,
    nn.Dropout: _OnnxGraph.nothing,
}


# ------------------------------------------------------------------ running it


def run_onnx(content: bytes, images: Array) -> Array:
    """Return the outputs of an ONNX file for images (N, H, W, C), by onnxruntime."""
    onnxruntime = required("onnxruntime", "export")
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches = (images[i : i + BATCH] for i in range(0, len(images), BATCH))
    return np.concatenate([session.run(None, {name: batch})[0] for batch in batches])
