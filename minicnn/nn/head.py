"""What a model's outputs are, and what they say of the classes.

minicnn's own models end in logits, whose softmax is the probabilities. Others end in that softmax
itself, in sigmoids, each a probability of its own, or in numbers that say nothing of classes. Which
it is, is read off the tape of one forward pass, so it holds for modules of one's own as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from minicnn import functional as F
from minicnn import kernels
from minicnn.errors import ShapeError
from minicnn.tape import Array, recording
from minicnn.tensor import Tensor, concatenate, op

Kind = Literal["logits", "softmax", "sigmoids", "numbers"]

MOVED = {"reshape", "transpose", "getitem", "concatenate", "dropout"}
LARGEST = {"max", "max_pool2d"}
POOLED = {"mean", "avg_pool2d", *LARGEST}
SCALED = {"add", "subtract", "multiply", "divide"}
BY_HAND = {"divide", "multiply", "exp", ""}
"""How a softmax ends that is written out, or that leaves no tape."""

ROUNDING = 1e-4


@dataclass(frozen=True)
class Head:
    """The end of a model.

    - `kind`: "logits"; "softmax", probabilities that sum to 1; "sigmoids", each a probability of
      its own, a single one that of the second of two classes; "numbers", whatever else.
    - `shape`: the shape of the output for one input.
    - `why`: what the numbers are, if they are no more than that.

    >>> from minicnn import nn
    >>> model = nn.Sequential(nn.Dense(1, "sigmoid"), input_shape=(3,))
    >>> model.head.kind, model.head.classes
    ('sigmoids', 2)
    >>> model.head.probabilities(np.array([[0.25]]))
    array([[0.75, 0.25]])
    """

    kind: Kind
    shape: tuple[int, ...]
    why: str = ""

    @classmethod
    def of(cls, model: Callable[[Tensor], Tensor], x: Array) -> "Head":
        """Return the head of a model, by its outputs for `x`, a batch of at least one input."""
        token = recording.set(True)
        try:
            with np.errstate(all="ignore"):
                return _head(model(Tensor(x, requires_grad=True)))
        finally:
            recording.reset(token)

    def check(self) -> None:
        """Raise `ShapeError` if the outputs are mere numbers."""
        if self.kind == "numbers":
            raise ShapeError(f"the model gives no classes: {self.why}")

    @property
    def classes(self) -> int:
        """How many classes the outputs tell apart; raises what `check` does."""
        self.check()
        return 2 if self._one_for_two else self.shape[0]

    @property
    def _one_for_two(self) -> bool:
        return self.kind == "sigmoids" and self.shape == (1,)

    def probabilities(self, outputs: Array) -> Array:
        """Return the probability of each class, (N, classes), of the model's outputs."""
        self.check()
        if self._one_for_two:
            return np.concatenate([1 - outputs, outputs], axis=1)
        return kernels.softmax(outputs) if self.kind == "logits" else outputs

    def winners(self, outputs: Array) -> Array:
        """Return the most probable class of each, (N,)."""
        return (outputs[:, 0] > 0.5).astype(int) if self._one_for_two else outputs.argmax(axis=1)

    def loss(self, outputs: Tensor, labels: Array, smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy of outputs and labels (N,).

        Of several sigmoids it is the mean over them of the binary one, as Keras has it. The loss is
        that of the logits before a closing softmax or sigmoid, which the tape still knows where it
        is recorded, and which do not saturate.
        """
        if self.kind == "sigmoids":
            if not self._one_for_two:  # a yes or no for each class
                labels = F.target_distribution(labels, self.classes).astype(int).ravel()
            yes = _before("sigmoid", outputs, _logit).reshape(-1, 1)
            no = Tensor(np.zeros(yes.shape, yes.dtype))
            return F.softmax_cross_entropy(concatenate([no, yes], axis=1), labels, smoothing)
        logits = _before("softmax", outputs, _log) if self.kind == "softmax" else outputs
        return F.softmax_cross_entropy(logits, labels, smoothing)


def mean_output(heads: Sequence[Head], outputs: Sequence[Tensor]) -> Tensor:
    """One output (N, ...) that stands for the mean probability of several, each with its head.

    Of logits, and softmaxes among them, it is logits again, of softmaxes alone or sigmoids their
    mean.
    """
    kinds = {head.kind for head in heads}
    if kinds in ({"sigmoids"}, {"softmax"}):
        return concatenate([one.reshape(1, *one.shape) for one in outputs]).mean(axis=0)
    pairs = zip(heads, outputs, strict=True)
    return mean_probability([_log(one) if h.kind == "softmax" else one for h, one in pairs])


def _head(outputs: Tensor) -> Head:
    shape = outputs.shape[1:]
    if len(shape) != 1:
        why = f"an output of {shape} for each input; end in Flatten() and Dense(classes)"
        return Head("numbers", shape, why)
    end, ways = _ending(outputs)
    if shape == (1,) and end != "sigmoid":
        made = "one unit of softmax, which is always 1" if end == "softmax" else "one number"
        why = f"it ends in {made}; for two classes end in Dense(2), or in one unit of sigmoid"
        return Head("numbers", shape, why)
    if end in ("softmax", "sigmoid") and not SCALED & ways:
        # Of softmaxes at several places the largest, or all of them, are no distribution any more.
        uneven = LARGEST & ways or (np.abs(outputs.data.sum(axis=1) - 1) > ROUNDING).any()
        return Head("softmax" if end == "softmax" and not uneven else "sigmoids", shape)
    if (end in BY_HAND or SCALED & ways) and _distribution(outputs.data):
        return Head("softmax", shape)
    if end in ("softmax", "sigmoid") or (end in ("relu", "tanh") and not POOLED & ways):
        what = f"a {end} that is scaled or shifted" if SCALED & ways else end
        return Head("numbers", shape, f"it ends in {what}; leave that out, and end in logits")
    return Head("logits", shape)


def _distribution(rows: Array) -> bool:
    """Whether each row is a distribution over classes, as far as one can see."""
    return bool(rows.min() >= 0 and (np.abs(rows.sum(axis=1) - 1) <= ROUNDING).all())


def _ending(outputs: Tensor) -> tuple[str, set[str]]:
    """Return the op that the outputs are made by, and those that they have passed since."""
    ways: set[str] = set()
    while outputs.node is not None:
        name, inputs = outputs.node.op, outputs.node.inputs
        if name not in MOVED | POOLED and not (name in SCALED and len(inputs) == 1):
            return ("relu" if name.endswith("_relu") else name), ways
        ways.add(name)
        outputs = inputs[0]
    return "", ways


def _before(name: str, outputs: Tensor, inverse: Callable[[Tensor], Tensor]) -> Tensor:
    """Return what went into the op `name` that gave the outputs."""
    made_so = outputs.node is not None and outputs.node.op == name
    return outputs.node.inputs[0] if made_so else inverse(outputs)  # type: ignore[union-attr]


@op
def _log(p):  # type: ignore[no-untyped-def]
    p = np.maximum(p, np.finfo(p.dtype).tiny)
    return np.log(p), lambda dy: dy / p


@op
def _logit(p):  # type: ignore[no-untyped-def]
    p = np.clip(p, np.finfo(p.dtype).tiny, 1 - np.finfo(p.dtype).epsneg)
    return np.log(p) - np.log1p(-p), lambda dy: dy / (p * (1 - p))


def mean_probability(logits: Sequence[Tensor]) -> Tensor:
    """Return the logarithm of the mean of the probabilities behind several logits, each (N,
    classes).

    >>> import numpy as np
    >>> mean_probability([Tensor(np.log([[0.5, 0.5]])), Tensor(np.log([[0.9, 0.1]]))]).data
    array([[-0.35667494, -1.2039728 ]])
    >>> np.log([0.7, 0.3])
    array([-0.35667494, -1.2039728 ])
    """
    each = [_log_softmax(one) for one in logits]
    stacked = concatenate([one.reshape(1, *one.shape) for one in each])
    # With the largest taken out first, what is too small for its type stays a finite logarithm.
    largest = stacked.data.max(axis=0)
    return F.log(F.exp(stacked - largest).mean(axis=0)) + largest


def _log_softmax(x: Tensor) -> Tensor:
    shifted = x - x.data.max(axis=-1, keepdims=True)
    return shifted - F.log(F.exp(shifted).sum(axis=-1, keepdims=True))
