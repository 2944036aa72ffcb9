"""The kernels in plain NumPy: the text that the lessons teach and the oracle that the tests trust.

Arrays in, arrays out; nothing here knows of gradients' bookkeeping or layers. Shapes:

    x        (N, H, W, C)      a batch of N images, C channels
    weight   (KH, KW, C, F)    F kernels
    y, dy    (N, OH, OW, F)    one value per window and kernel
    cols     (N, OH, OW, KH*KW*C)   each window, laid out flat

`d` before a name is the gradient of the loss with respect to it. A kernel keeps the dtype that it
is given. Replace `im2col` in the table (`minicnn.kernels.use`) and `conv2d`, which calls it, calls
the replacement; `minicnn.kernels.signatures` says what is built from what.
"""

from minicnn.kernels.reference.activations import dropout_mask, relu, relu_vjp
from minicnn.kernels.reference.augmentation import augment
from minicnn.kernels.reference.convolution import conv2d, conv2d_dbias, conv2d_dweight, conv2d_dx
from minicnn.kernels.reference.fused import (
    batch_norm_relu,
    batch_norm_relu_vjp,
    conv2d_dweight_from_argmax,
    conv2d_dx_from_argmax,
    conv2d_relu,
    conv2d_relu_max_pool2d,
    dense_relu,
)
from minicnn.kernels.reference.linear import dense, dense_dbias, dense_dweight, dense_dx, matmul
from minicnn.kernels.reference.loss import softmax, softmax_cross_entropy, softmax_cross_entropy_vjp
from minicnn.kernels.reference.normalisation import batch_norm, batch_norm_vjp, moments
from minicnn.kernels.reference.optimizers import adam_step, sgd_step
from minicnn.kernels.reference.pooling import avg_pool2d, avg_pool2d_vjp, max_pool2d, max_pool2d_vjp
from minicnn.kernels.reference.windows import col2im, im2col

__all__ = [  # noqa: RUF022 - in the order of reading, which is the order of the table
    "im2col",
    "col2im",
    "conv2d",
    "conv2d_dweight",
    "conv2d_dx",
    "conv2d_dbias",
    "max_pool2d",
    "max_pool2d_vjp",
    "avg_pool2d",
    "avg_pool2d_vjp",
    "matmul",
    "dense",
    "dense_dx",
    "dense_dweight",
    "dense_dbias",
    "relu",
    "relu_vjp",
    "dropout_mask",
    "dense_relu",
    "conv2d_relu",
    "conv2d_relu_max_pool2d",
    "conv2d_dweight_from_argmax",
    "conv2d_dx_from_argmax",
    "moments",
    "batch_norm",
    "batch_norm_vjp",
    "batch_norm_relu",
    "batch_norm_relu_vjp",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_vjp",
    "sgd_step",
    "adam_step",
    "augment",
]
