"""What a comparison comes to: dataclasses, and the same as tables of text."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from minicnn.metrics import Interval
from minicnn.nn import Conv2D, Dense, Dropout, MaxPool2D, Module, Sequential
from minicnn.nn.arguments import as_pair
from minicnn.plain_data import from_dict

Cells = list[list[str]]
"""A table of text: its first row the heads of the columns, the first column the model's name."""


@dataclass(frozen=True)
class ModelResult:
    """How one model did in one engine, with the weights of the epoch that was best in validation.

    - `train_accuracy`, `train_loss`: on the part that it was trained on, dropout off.
    - `validation_accuracy`, `validation_loss`: on the part held out; None if there was none.
    - `test_accuracy`, `test_loss`: on the test set; `interval` is the accuracy's, at 95 %
      (`metrics.wilson_interval`).
    - `seconds`: of training, all epochs, the validation after each left out.
    - `images_per_second`: in training, the median of the epochs, so that what an engine prepares
      in its first steps counts in `seconds` alone.
    - `epochs`, `best_epoch`: how many there were, and which one's weights were kept.
    """

    train_accuracy: float
    train_loss: float
    validation_accuracy: float | None
    validation_loss: float | None
    test_accuracy: float
    test_loss: float
    interval: Interval
    seconds: float
    images_per_second: float
    epochs: int
    best_epoch: int

    @property
    def error_rate(self) -> float:
        """The share of the test pictures that it got wrong."""
        return 1 - self.test_accuracy


@dataclass(frozen=True)
class Disagreement:
    """The test pictures on which the two engines' models say different classes.

    - `pictures`: how many.
    - `only_minicnn`, `only_keras`: on how many of them just this one is right.
    - `p_value`: McNemar's, exact: how often two equally good models would part at least as
      unequally as these two numbers do.
    """

    pictures: int
    only_minicnn: int
    only_keras: int
    p_value: float


@dataclass(frozen=True)
class ComparisonRow:
    """One model of the comparison.

    - `name`, `folder`: what it is called, and where its run is.
    - `layers`: each in a few words.
    - `optimizer`, `lr`, `schedule`: how it was trained.
    - `parameters`, `bytes`: of its trainable weights, and their size as float32.
    - `minicnn`, `keras`: the two results; the latter None if Keras was not asked.
    - `disagreement`: None likewise.
    """

    name: str
    folder: str
    layers: tuple[str, ...]
    optimizer: str
    lr: float
    schedule: str
    parameters: int
    bytes: int
    minicnn: ModelResult
    keras: ModelResult | None = None
    disagreement: Disagreement | None = None

    @property
    def difference(self) -> float | None:
        """minicnn's test accuracy less Keras's."""
        return None if self.keras is None else self.minicnn.test_accuracy - self.keras.test_accuracy

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, as it stands in `comparison.json`."""
        plain = {**asdict(self), "difference": self.difference}
        for engine, result in self.results():
            plain[engine]["error_rate"] = result.error_rate
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any], where: str) -> "ComparisonRow":
        """Return the row that `to_dict` gave; raises what `minicnn.plain_data.from_dict` raises."""
        own = {**plain}
        own.pop("difference", None)
        for engine in ("minicnn", "keras"):
            if isinstance(own.get(engine), dict):
                own[engine] = {k: v for k, v in own[engine].items() if k != "error_rate"}
        return from_dict(cls, own, where)

    def results(self) -> list[tuple[str, ModelResult]]:
        """By engine, those that there are."""
        both = [("minicnn", self.minicnn), ("keras", self.keras)]
        return [(engine, result) for engine, result in both if result is not None]


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    - `folder`: where it stands.
    - `rows`: one for each model, in the order that was asked for; only the finished ones if it
      was `interrupted`, by Ctrl-C.
    - `best`: the name of the model with the highest validation accuracy, the first of equals; None
      if none held out a validation set. The test set decides nothing.
    """

    folder: Path
    rows: tuple[ComparisonRow, ...]
    best: str | None
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "rows": [row.to_dict() for row in self.rows],
            "best": self.best,
            "interrupted": self.interrupted,
        }


def best_of(rows: Sequence[ComparisonRow]) -> ComparisonRow | None:
    """Return the row with minicnn's highest validation accuracy, the first of equals; None without
    any.

    The test set decides nothing: a model that were chosen by it would look better than it is.
    """
    validated = [row for row in rows if row.minicnn.validation_accuracy is not None]
    return max(validated, key=lambda row: row.minicnn.validation_accuracy or 0, default=None)


# ------------------------------------------------------------------ as text


def layer_words(model: Sequential) -> tuple[str, ...]:
    """Each layer in a few words.

    >>> layer_words(Sequential(Conv2D(32, 3, activation="relu"), MaxPool2D(2), Dense(10)))
    ('Conv 32@3×3 ReLU', 'MaxPool 2', 'Dense 10')
    """
    return tuple(map(_words, model.layers))


def _words(layer: Module) -> str:
    match layer:
        case Conv2D():
            height, width = as_pair(layer.kernel_size, "kernel_size")
            words = f"Conv {layer.filters}@{height}×{width}"
        case Dense():
            words = f"Dense {layer.units}"
        case MaxPool2D():
            height, width = as_pair(layer.pool_size, "pool_size")
            words = f"MaxPool {height}" if height == width else f"MaxPool {height}×{width}"
        case Dropout():
            words = f"Dropout {layer.rate:g}"
        case _:
            words = type(layer).__name__
    activation = getattr(layer, "activation", None)
    return words if activation is None else f"{words} {activation.replace('relu', 'ReLU')}"


def size(count: int) -> str:
    """Format a size in words: 1 KB is 1,024 bytes.

    >>> size(4 * 59_933), size(4 * 623_290)
    ('234 KB', '2.38 MB')
    """
    return f"{count / 1024:,.0f} KB" if count < 1024**2 else f"{count / 1024**2:,.2f} MB"


def results_table(rows: Sequence[ComparisonRow]) -> Cells:
    """ComparisonRow B3: a line for each model and engine."""
    engines = any(row.keras for row in rows)
    head = ["model", *(["engine"] if engines else []), "layers", "learning rate", "parameters"]
    head += ["size", "train", "validation", "test", "95 % interval", "error", "test loss"]
    head += ["epoch", "seconds", "images/s"]
    lines = [head]
    for row in rows:
        for engine, result in row.results():
            name = [row.name, *([NAMES[engine]] if engines else [])]
            lines.append([*name, *_model_cells(row), *_result_cells(result)])
    return lines


NAMES = {"minicnn": "minicnn", "keras": "Keras"}


def _model_cells(row: ComparisonRow) -> list[str]:
    rate = f"{row.lr:g} {row.optimizer}"
    rate += "" if row.schedule == "constant" else f", {row.schedule}"
    return [str(len(row.layers)), rate, f"{row.parameters:,}", size(row.bytes)]


def _result_cells(result: ModelResult) -> list[str]:
    validation = result.validation_accuracy
    return [
        f"{result.train_accuracy:.4f}",
        "" if validation is None else f"{validation:.4f}",
        f"{result.test_accuracy:.4f}",
        f"{result.interval.low:.4f}–{result.interval.high:.4f}",
        f"{100 * result.error_rate:.2f} %",
        f"{result.test_loss:.4f}",
        f"{result.best_epoch}/{result.epochs}",
        f"{result.seconds:.1f}",
        f"{result.images_per_second:,.0f}",
    ]


def engines_table(rows: Sequence[ComparisonRow]) -> Cells:
    """minicnn and Keras side by side; no line if Keras was not asked."""
    head = ["model", "minicnn", "Keras", "difference", "disagree on", "only minicnn right"]
    lines = [[*head, "only Keras right", "McNemar's p"]]
    for row in rows:
        if row.keras is not None and row.disagreement is not None:
            apart = row.disagreement
            lines.append(
                [
                    row.name,
                    f"{row.minicnn.test_accuracy:.4f}",
                    f"{row.keras.test_accuracy:.4f}",
                    f"{row.difference:+.4f}",
                    f"{apart.pictures:,}",
                    f"{apart.only_minicnn:,}",
                    f"{apart.only_keras:,}",
                    f"{apart.p_value:.2g}",
                ]
            )
    return lines


def layers_table(rows: Sequence[ComparisonRow]) -> Cells:
    """Return what each model consists of."""
    return [["model", "layers"], *([row.name, ", ".join(row.layers)] for row in rows)]


def markdown(cells: Cells, right_from: int = 1) -> str:
    """Return the table in Markdown, its columns from `right_from` on flush right.

    >>> print(markdown([["model", "test"], ["mlp", "0.9814"]]))
    | model | test |
    | --- | ---: |
    | mlp | 0.9814 |
    """
    rule = ["---" if place < right_from else "---:" for place in range(len(cells[0]))]
    return "\n".join(f"| {' | '.join(line)} |" for line in [cells[0], rule, *cells[1:]])


def document(rows: Sequence[ComparisonRow], best: ComparisonRow | None) -> str:
    """All tables in Markdown, and which model was best."""
    engines = any(row.keras for row in rows)
    parts = ["# Comparison", markdown(results_table(rows), right_from=2 if engines else 1)]
    if engines:
        parts += ["Test accuracy in both engines:", markdown(engines_table(rows))]
    parts.append(markdown(layers_table(rows), right_from=2))
    if best is not None:
        parts.append(
            f"Best in validation: `{best.name}` ({best.minicnn.validation_accuracy:.4f}), "
            "saved as `best.npz`. The test set decided nothing."
        )
    return "\n\n".join(parts) + "\n"
