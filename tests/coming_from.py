"""Runs the tables of the page for those who come from elsewhere, both sides of each row.

``python -m tests.coming_from PACKAGE`` does so in a process of its own.
"""

import ast
import re
import sys
from typing import Any

import numpy as np

import minicnn as mc
from minicnn import nn

from .markdown import CHECKOUT, blocks

PAGE = CHECKOUT / ".ci" / "site" / "coming-from.md"

ROW = re.compile(r"^\| `(.+)` \| `(.+)` \|$", re.MULTILINE)
SECTION = re.compile(r"^## From (.+)$", re.MULTILINE)
PACKAGE = {"Keras": "keras", "PyTorch": "torch", "scikit-learn": "sklearn"}

OF_OTHER_WEIGHTS = {
    "model(images, training=True)",
    "model(images)",
    "optim.clip_gradients(model.parameters(), 1.0)",
    "F.softmax(model.predict(images))",
    "model.predict(images).argmax(axis=1)",
    "mc.evaluate(model, train).accuracy",
}
"""Their net is another than ours: of these rows only the shapes are equal (not from Keras)."""


def sections() -> dict[str, str]:
    """The text below each heading."""
    _, *parts = SECTION.split(PAGE.read_text())
    return dict(zip(parts[::2], parts[1::2], strict=True))


def rows(text: str) -> list[tuple[str, str]]:
    return ROW.findall(text)


def run(code: str, names: dict[str, Any]) -> Any:
    """Execute it; the value of its last expression."""
    *before, last = ast.parse(code).body
    exec(compile(ast.Module(before, []), "row", "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "row", "eval"), names)
    exec(compile(ast.Module([last], []), "row", "exec"), names)
    return None


def numbers(value: Any) -> np.ndarray | None:
    """The value as an array, if it is made of numbers."""
    value = value.data if isinstance(value, mc.Tensor) else value
    value = getattr(value, "detach", lambda: value)()
    if isinstance(value, (int, float, np.ndarray)) or hasattr(value, "__array__"):
        return np.asarray(value)
    return None


def shape_made(layer: Any, images: np.ndarray) -> tuple[int, ...] | None:
    """The shape that a layer, of any of the packages, makes of the pictures; None if it is none."""
    if "Dense" in type(layer).__name__ or "Linear" in type(layer).__name__:
        images = images.reshape(len(images), -1)
    if isinstance(layer, nn.Module):
        layer.ensure_built(images.shape[1:], np.random.default_rng(0))
        return layer(images).shape
    package = type(layer).__module__.partition(".")[0]
    if package == "keras":
        return tuple(layer(images).shape)
    if package == "torch":
        import torch

        if isinstance(layer, torch.nn.Module):
            first = torch.tensor(images)
            made = layer(first.permute(0, 3, 1, 2) if first.ndim == 4 else first)
            return tuple(made.permute(0, 2, 3, 1).shape if made.ndim == 4 else made.shape)
    return None


def failures(package: str) -> dict[str, str]:
    """What went wrong, by the right side of the row."""
    names: dict[str, Any] = {}
    run(blocks(PAGE, "python")[0], names)
    section = sections()[package]
    run(section.partition("```python\n")[2].partition("```")[0], names)
    failed = {}
    for theirs, ours in rows(section):
        exact = package == "Keras" or ours not in OF_OTHER_WEIGHTS
        try:
            compare(run(theirs, names), run(ours, names), names["images"], exact)
        except Exception as error:
            failed[ours] = f"{type(error).__name__}: {error}"
    return failed


def compare(theirs: Any, ours: Any, images: np.ndarray, exact: bool) -> None:
    """Raise if both are numbers, or both layers, and do not agree."""
    there, here = numbers(theirs), numbers(ours)
    if there is not None and here is not None:
        assert here.shape == there.shape
        if exact:
            np.testing.assert_allclose(here, there, rtol=1e-5, atol=1e-6)
    elif isinstance(ours, nn.Module) and (wanted := shape_made(theirs, images)):
        made = shape_made(ours, images)
        assert made is not None
        # PyTorch's pooling over all pixels keeps two axes of length 1.
        assert [n for n in made if n > 1] == [n for n in wanted if n > 1]


if __name__ == "__main__":
    print("Failed:", failures(sys.argv[1]))
