"""The kernels in numba: the same functions as in `reference`, many times faster.

What is missing here (small operations, and `im2col`, which these convolutions do without) is taken
from `reference` by the table.
"""

from minicnn.kernels.fast.augmentation import augment
from minicnn.kernels.fast.convolution import (
    conv2d,
    conv2d_dweight,
    conv2d_dx,
    conv2d_relu,
    conv2d_relu_max_pool2d,
)
from minicnn.kernels.fast.elementwise import (
    adam_step,
    conv2d_dbias,
    dropout_mask,
    relu,
    relu_vjp,
    sgd_step,
)
from minicnn.kernels.fast.loss import softmax_cross_entropy
from minicnn.kernels.fast.matmul import dense, dense_dweight, dense_dx, dense_relu, matmul
from minicnn.kernels.fast.memory import keep_freed_memory
from minicnn.kernels.fast.normalisation import (
    batch_norm,
    batch_norm_relu,
    batch_norm_relu_vjp,
    batch_norm_vjp,
    moments,
)
from minicnn.kernels.fast.pooling import max_pool2d, max_pool2d_vjp
from minicnn.kernels.fast.winners import conv2d_dweight_from_argmax, conv2d_dx_from_argmax

__all__ = [
    "adam_step",
    "augment",
    "batch_norm",
    "batch_norm_relu",
    "batch_norm_relu_vjp",
    "batch_norm_vjp",
    "conv2d",
    "conv2d_dbias",
    "conv2d_dweight",
    "conv2d_dweight_from_argmax",
    "conv2d_dx",
    "conv2d_dx_from_argmax",
    "conv2d_relu",
    "conv2d_relu_max_pool2d",
    "dense",
    "dense_dweight",
    "dense_dx",
    "dense_relu",
    "dropout_mask",
    "matmul",
    "max_pool2d",
    "max_pool2d_vjp",
    "moments",
    "relu",
    "relu_vjp",
    "sgd_step",
    "softmax_cross_entropy",
]

keep_freed_memory()
