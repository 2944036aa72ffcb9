"""What each kernel takes and gives: the entries of the table, in the order of reading.

A word stands for a parameter of the reference function. The same letter is the same size in all of
them, so a signature says which shapes fit together:

    x[N,H,W,C]          an array of float32 or float64
    y[*S]               one with any number of axes
    kernel(KH+,KW+)     whole numbers; `+` says "at least 1"
    m[*S]:changed       another kind of argument, said after the colon: `checking` has them all

OH and OW are how many windows (KH, KW) fit into an image (H, W), QH and QW how many pools (PH, PW)
fit into those. Behind the arrow stands what the kernel gives, nothing if it changes its arguments.
"""

import re
from functools import cache
from typing import NamedTuple

_WINDOWS = "stride(SH+,SW+) padding:padding"
_KERNEL, _POOL = f"kernel(KH+,KW+) {_WINDOWS}", f"pool(KH+,KW+) {_WINDOWS}"
_IMAGES, _WEIGHT = "x[N,H,W,C+]", "weight[KH+,KW+,C+,F+]"
_LAYER = f"{_IMAGES} {_WEIGHT} bias[F] {_WINDOWS}"
_POOLED = "dy[N,QH,QW,F+] winner[N,QH,QW,F]:cells"
_NORM = "gamma[C] beta[C] mean[C] variance[C] epsilon:number"

SIGNATURES = {
    "im2col": f"x[N,H,W,C] {_KERNEL} -> [N,OH,OW,KH*KW*C]",
    "col2im": f"cols[N,OH,OW,KH*KW*C] x_shape(N,H,W,C) {_KERNEL} -> [N,H,W,C]",
    "conv2d": f"{_LAYER} -> [N,OH,OW,F]",
    "conv2d_dweight": f"dy[N,OH,OW,F+] {_IMAGES} {_KERNEL} -> [KH,KW,C,F]",
    "conv2d_dx": f"dy[N,OH,OW,F+] {_WEIGHT} x_shape(N,H,W,C) {_WINDOWS} -> [N,H,W,C]",
    "conv2d_dbias": "dy[N,OH,OW,F] -> [F]",
    "max_pool2d": f"x[N,H,W,C] {_POOL} -> [N,OH,OW,C] [N,OH,OW,C]:cells",
    "max_pool2d_vjp": "dy[N,OH,OW,C] winner[N,OH,OW,C]:cells x_shape(N,H,W,C) "
    f"{_POOL} -> [N,H,W,C]",
    "avg_pool2d": f"x[N,H,W,C] {_POOL} -> [N,OH,OW,C]",
    "avg_pool2d_vjp": f"dy[N,OH,OW,C] x_shape(N,H,W,C) {_POOL} -> [N,H,W,C]",
    "matmul": "a[M,K] b[K,N] -> [M,N]",
    "dense": "x[N,I] weight[I,U] bias[U] -> [N,U]",
    "dense_dx": "dy[N,U] weight[I,U] -> [N,I]",
    "dense_dweight": "dy[N,U] x[N,I] -> [I,U]",
    "dense_dbias": "dy[N,U] -> [U]",
    "relu": "x[*S] -> [*S]",
    "relu_vjp": "dy[*S] y[*S] -> [*S]",
    "dropout_mask": "rng:generator shape(*S) rate:share dtype:dtype -> [*S]",
    "dense_relu": "x[N,I] weight[I,U] bias[U] -> [N,U]",
    "conv2d_relu": f"{_LAYER} -> [N,OH,OW,F]",
    "conv2d_relu_max_pool2d": f"{_LAYER} pool(PH+,PW+) -> [N,QH,QW,F] [N,QH,QW,F]:cells",
    "conv2d_dweight_from_argmax": f"{_POOLED} {_IMAGES} {_KERNEL} pool(PH+,PW+) -> [KH,KW,C,F]",
    "conv2d_dx_from_argmax": f"{_POOLED} {_WEIGHT} x_shape(N,H,W,C) {_WINDOWS} pool(PH+,PW+) "
    "-> [N,H,W,C]",
    "moments": "x[*S+,C+] -> [C] [C]",
    "batch_norm": f"x[*S,C] {_NORM} -> [*S,C]",
    "batch_norm_vjp": "dy[*S,C+] x[*S,C] gamma[C] mean[C] variance[C] epsilon:number "
    "-> [*S,C] [C] [C]",
    "batch_norm_relu": f"x[*S,C] {_NORM} -> [*S,C]",
    "batch_norm_relu_vjp": f"dy[*S,C+] x[*S,C] {_NORM} -> [*S,C] [C] [C]",
    "softmax": "logits[*S,C+] -> [*S,C]",
    "softmax_cross_entropy": "logits[N,C+] targets[N,C] -> [N] [N,C]",
    "softmax_cross_entropy_vjp": "dlosses[N] probabilities[N,C] targets[N,C] -> [N,C]",
    "sgd_step": "weight[*S]:changed grad[*S] velocity[*S]:changed lr:number momentum:number "
    "nesterov:flag",
    "adam_step": "weight[*S]:changed grad[*S] m[*S]:changed v[*S]:changed step:count lr:number "
    "beta1:share beta2:share epsilon:number",
    "augment": "images[N,H+,W+,C]:pixels maps[N,3,3]:finite bends[N,GH+,GW+,2]:finite "
    "strokes[N]:finite boxes[N,4]:whole -> [N,H,W,C]",
}
"""The signature of each kernel by its name."""

PARTS = {
    "conv2d": ("im2col",),
    "conv2d_dweight": ("im2col",),
    "conv2d_dx": ("col2im",),
    "dense": ("matmul",),
    "dense_dx": ("matmul",),
    "dense_dweight": ("matmul",),
    "dense_relu": ("dense", "relu"),
    "conv2d_relu": ("conv2d", "relu"),
    "conv2d_relu_max_pool2d": ("conv2d", "relu", "max_pool2d"),
    "conv2d_dweight_from_argmax": ("max_pool2d_vjp", "conv2d_dweight"),
    "conv2d_dx_from_argmax": ("max_pool2d_vjp", "conv2d_dx"),
    "batch_norm_relu": ("batch_norm", "relu"),
    "batch_norm_relu_vjp": ("batch_norm", "relu_vjp", "batch_norm_vjp"),
}
"""The kernels that the reference function of an entry calls."""


class Parameter(NamedTuple):
    """A word of a signature: `sizes` without their `+`, `filled` are those that had one."""

    name: str
    kind: str
    sizes: tuple[str, ...]
    filled: frozenset[str]


class Signature(NamedTuple):
    """What a kernel takes and gives."""

    name: str
    takes: tuple[Parameter, ...]
    gives: tuple[Parameter, ...]


@cache
def signature(name: str) -> Signature:
    """Read the signature of a kernel from its text."""
    takes, _, gives = SIGNATURES[name].partition("->")
    return Signature(name, *(tuple(map(_read, text.split())) for text in (takes, gives)))


_WORD = re.compile(r"(\w*)(?:([\[(])(.+)[\])])?(?::(\w+))?")


def _read(word: str) -> Parameter:
    match = _WORD.fullmatch(word)
    assert match, word
    name, bracket, written, kind = match.groups()
    sizes = written.split(",") if written else []
    return Parameter(
        name,
        kind or ("sizes" if bracket == "(" else "array"),
        tuple(size.removesuffix("+") for size in sizes),
        frozenset(size[:-1] for size in sizes if size.endswith("+")),
    )
