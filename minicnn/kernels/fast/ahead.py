"""Compiles kernels in a process of its own: those of the backward pass.

A process that has to compile its kernels starts this one, and begins with the forward pass itself.
What it then gets to it finds on the disk, so that with two cores the first training waits little
more than half as long.
"""

import numpy as np

from minicnn.kernels import fast


def compile_backward_pass() -> None:
    """Call what a step of two convolutions with pooling and two dense layers needs late.

    The arrays are as small as they can be and still be shared by several threads. In the middle of
    the pass, where the other process will be when it is caught up with, come the last ones.
    """
    matrix = np.zeros((64, 256), np.float32)
    dy, winner = np.zeros((16, 13, 13, 32), np.float32), np.zeros((16, 13, 13, 32), np.int32)
    weight = np.zeros((3, 3, 32, 32), np.float32)
    grey, x = np.zeros((16, 28, 28, 1), np.float32), np.zeros((16, 28, 28, 32), np.float32)
    stride, padding, pool = (1, 1), "valid", (2, 2)
    fast.dense_dweight(matrix, matrix)
    fast.relu_vjp(dy, dy)
    fast.conv2d_dx_from_argmax(dy, winner, weight, x.shape, stride, padding, pool)
    fast.conv2d_dweight_from_argmax(dy, winner, grey, (3, 3), stride, padding, pool)
    fast.adam_step(*np.zeros((4, 1 << 17), np.float32), 1, 1e-3, 0.9, 0.999, 1e-7)
    fast.conv2d_dweight_from_argmax(dy, winner, x, (3, 3), stride, padding, pool)
    fast.conv2d_dbias(dy)


if __name__ == "__main__":
    compile_backward_pass()
