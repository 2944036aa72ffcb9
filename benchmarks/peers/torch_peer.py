"""PyTorch in eager mode, as its users run it: a plain loop, default threads."""

import functools
import itertools
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import minicnn.nn
from benchmarks.peers.pictures import in_turn, scaled_pictures, shuffled
from benchmarks.peers.protocol import Run, Task, mean_time, median_time
from minicnn import zoo

FORMATS = {"channels last": torch.channels_last, "channels first": torch.contiguous_format}
ADAMS: dict[str, dict[str, Any]] = {
    "Adam fused": {"fused": True},
    "Adam foreach": {"foreach": True},
    "Adam": {},
}
MODES = {"inference_mode": torch.inference_mode, "no_grad": torch.no_grad}


def about() -> dict[str, Any]:
    """Versions and threads."""
    return {
        "versions": {"torch": torch.__version__},
        "threads": {
            "intra_op": torch.get_num_threads(),
            "inter_op": torch.get_num_interop_threads(),
        },
    }


@functools.lru_cache(maxsize=1)
def load(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (N, C, H, W) and labels (N,)."""
    x, y = scaled_pictures(task)
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(y)


# ------------------------------------------------------------------ the model


def build(task: Task, memory_format: torch.memory_format) -> nn.Module:
    """The zoo's model in PyTorch's layers, its weights laid out in this format."""
    ours = zoo.build(task.model, task.image)
    shape: tuple[int, ...] = task.image
    layers: list[nn.Module] = []
    for layer in ours.layers:
        layers += translated(layer, shape)
        shape = layer.output_shape(shape)
    model = nn.Sequential(*layers)
    if sum(p.numel() for p in model.parameters()) != ours.parameter_count():
        raise ValueError(f"{task.model}: PyTorch's model has other parameters than ours")
    in_format: nn.Module = model.to(memory_format=memory_format)  # type: ignore[call-overload]
    return in_format


def translated(layer: minicnn.nn.Module, shape: tuple[int, ...]) -> list[nn.Module]:
    """The PyTorch layers that do the same for inputs of this shape."""
    relu = [nn.ReLU()] if getattr(layer, "activation", None) == "relu" else []
    match layer:
        case minicnn.nn.Conv2D():
            settings: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding}
            return [nn.Conv2d(shape[2], layer.filters, layer.kernel_size, **settings), *relu]
        case minicnn.nn.Dense():
            return [nn.Linear(shape[0], layer.units), *relu]
        case minicnn.nn.MaxPool2D():
            return [nn.MaxPool2d(layer.pool_size, layer.stride)]
        case minicnn.nn.Dropout():
            return [nn.Dropout(layer.rate)]
        case minicnn.nn.Flatten():
            return [nn.Flatten()]
    raise TypeError(f"no PyTorch layer for {layer}")


# ------------------------------------------------------------------ the tasks


def train(task: Task, memory_format: torch.memory_format, adam: dict[str, Any]) -> Run:
    """The usual loop; a batch is taken out of the tensor by its indices."""
    model = build(task, memory_format)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **adam)
    (x, y), batches = load(task), shuffled(task.images, task.batch)

    def step() -> None:
        batch = torch.from_numpy(next(batches))
        images = x[batch].to(memory_format=memory_format)
        optimizer.zero_grad()
        loss = cross_entropy(model(images), y[batch])
        loss.backward()
        optimizer.step()

    return functools.partial(mean_time, step)


def predict(task: Task, memory_format: torch.memory_format, mode: Any) -> Run:
    """`model(batch)` without a tape."""
    model, x = build(task, memory_format).eval(), load(task)[0]
    x, parts = x.to(memory_format=memory_format), in_turn(task)

    def run(steps: int) -> float:
        with mode():
            return mean_time(lambda: model(x[next(parts)]), steps)

    return run


def call(task: Task, memory_format: torch.memory_format, mode: Any) -> Run:
    """`model(x)` for one image."""
    model = build(task, memory_format).eval()
    x = load(task)[0][:1].to(memory_format=memory_format)

    def run(steps: int) -> float:
        with mode():
            return median_time(lambda: model(x), steps)

    return run


def _each_way(run: Any, option: str, choices: dict[str, Any]) -> dict[str, Any]:
    """Every memory format with every choice of the other option."""
    return {
        f"{name}, {choice}": functools.partial(
            run, memory_format=FORMATS[name], **{option: choices[choice]}
        )
        for choice, name in itertools.product(choices, FORMATS)
    }


RUNS = {
    "training": _each_way(train, "adam", ADAMS),
    "prediction": _each_way(predict, "mode", MODES),
    "latency": _each_way(call, "mode", MODES),
}
