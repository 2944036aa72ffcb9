# %% [markdown]
# # Convolution backward
#
# Forward, a convolution makes of a picture $x$, the kernels $w$ and the biases $b$ an output $y$.
# At the end of the network stands one number, the loss $L$. Learning asks three questions:
#
# - How does the loss change with each **weight**? That is $\partial L / \partial w$, what the
#   optimizer needs.
# - And with each **bias**, $\partial L / \partial b$?
# - And with each **pixel**, $\partial L / \partial x$? The pixels are not learned, but in a deep
#   net the input of this layer is the output of the one before, which is waiting for its gradient.
#
# What comes in from behind is $\partial L / \partial y$, one number for each output. We call it
# `dy`; likewise `dweight`, `dbias`, `dx`. A gradient always has the shape of the thing itself.
#
# You wrote the forward pass as `im2col` and one matrix product. Backward, each of the two steps has
# its own turn, in reverse.

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

import minicnn as mc
from minicnn import nn, optim
from minicnn.kernels.reference import conv2d, im2col  # yours, of lesson 7

train, test = mc.data.mnist()
x = test.scaled(slice(0, 1)).astype(float)  # (1, 28, 28, 1), the 7 of the last lesson
rng = np.random.default_rng(0)

# %% [markdown]
# ## The way back from windows to pixels
#
# `im2col` copies a pixel into every window that covers it. If the pixel grows by a little, all its
# copies do, and the loss feels the *sum* of what each of them does to it. So backward:
#
# $$\frac{\partial L}{\partial x_p}
# = \sum_{\text{copies of } p} \frac{\partial L}{\partial \text{copy}}$$
#
# Copying forward is summing backward. You have met that before, when broadcasting copied a number;
# it is the same rule.
#
# `col2im` does it: it takes a gradient for every cell of every window, `(N, OH, OW, KH*KW*C)`, and
# gives a gradient for every pixel, `(N, H, W, C)`. Go through the cells as `im2col` did. `cells`
# gives *views*, so what is written to a cell is written to the picture.

# %% exercise
from minicnn.kernels.reference.windows import col2im

# %% [markdown]
# Send a 1 back through every cell of every window, and each pixel counts the windows that cover it:

# %%
counts = col2im(np.ones((1, 4, 4, 9)), (1, 6, 6, 1), (3, 3))[0, :, :, 0]
with_stride = col2im(np.ones((1, 3, 3, 9)), (1, 7, 7, 1), (3, 3), (2, 2))[0, :, :, 0]

figure, axes = plt.subplots(1, 2, figsize=(8, 3.9), layout="constrained")
for axis, values, title in (
    (axes[0], counts, "windows of 3×3, stride 1"),
    (axes[1], with_stride, "windows of 3×3, stride 2"),
):
    axis.imshow(values, cmap="Blues", vmin=0, vmax=12)
    for (row, column), value in np.ndenumerate(values):
        axis.text(column, row, f"{value:g}", ha="center", va="center")
    axis.set(title=title, xlabel="column", ylabel="row")
    axis.set(xticks=range(len(values)), yticks=range(len(values)))
figure.suptitle("How many windows cover each pixel")
plt.show()

# %% [markdown]
# There is a sharper test. `im2col` only copies, so it is a linear map, a matrix $A$ if you like;
# and going backward is the transposed matrix. For a linear map and its transpose
#
# $$\langle A x, c \rangle = \langle x, A^\top c \rangle$$
#
# must hold for *any* $x$ and $c$, with $\langle\cdot,\cdot\rangle$ the sum of all products. Two
# random arrays are enough to find nearly every mistake:

# %%
shape, kernel, stride, padding = (2, 9, 8, 3), (3, 2), (2, 1), "same"
image = rng.standard_normal(shape)
columns = im2col(image, kernel, stride, padding)
c = rng.standard_normal(columns.shape)
print("⟨im2col(x), c⟩ =", (columns * c).sum())
print("⟨x, col2im(c)⟩ =", (image * col2im(c, shape, kernel, stride, padding)).sum())

# %% [markdown]
# ## The gradient of the weights
#
# What is left is a matrix product, $Y = A W$, with the windows as the rows of $A$ and the kernels
# as the columns of $W$. One number of it is $Y_{pf} = \sum_k A_{pk} W_{kf}$. The weight $W_{kf}$
# goes into $Y_{pf}$ for every window $p$, each time multiplied by $A_{pk}$. So by the chain rule
#
# $$\frac{\partial L}{\partial W_{kf}} = \sum_p A_{pk}\, \frac{\partial L}{\partial Y_{pf}}
# \qquad\text{that is}\qquad dW = A^\top dY$$
#
# In words: **each weight gets what it was multiplied by, times what came of it, summed over all
# windows** of all pictures. No division by the number of pictures: if the loss is a mean, `dy` has
# that in it already.

# %% exercise
from minicnn.kernels.reference.convolution import conv2d_dweight

# %% [markdown]
# See one number come about. Say the loss wants more output along the upper edge of the 7: there
# `dy` is negative (more output, less loss). Cell (2, 1) of the kernel was multiplied, window by
# window, with the picture moved by two rows and one column. Multiply that picture with `dy`, and
# sum.

# %%
dy = np.zeros((1, 26, 26, 1))
dy[0, 5:7, 6:19] = -1.0
dweight = conv2d_dweight(dy, x, (3, 3))
i, j = 2, 1
seen = x[0, i : i + 26, j : j + 26, 0]

figure, axes = plt.subplots(1, 4, figsize=(11, 3.3), layout="constrained")
axes[0].imshow(seen, cmap="RdBu_r", vmin=-1.6, vmax=1.6)
axes[0].set_title(f"what weight ({i}, {j}) saw")
axes[1].imshow(dy[0, :, :, 0], cmap="RdBu_r", vmin=-1.6, vmax=1.6)
axes[1].set_title("× dy, what came of it")
product = seen * dy[0, :, :, 0]
axes[2].imshow(product, cmap="RdBu_r", vmin=-1.6, vmax=1.6)
axes[2].set_title(f"= products, sum {product.sum():.1f}")
limit = np.abs(dweight).max() * 1.3
axes[3].imshow(dweight[:, :, 0, 0], cmap="RdBu_r", vmin=-limit, vmax=limit)
axes[3].set_title("dweight, all nine")
for (row, column), value in np.ndenumerate(dweight[:, :, 0, 0]):
    axes[3].text(column, row, f"{value:.1f}", ha="center", va="center")
axes[3].add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, color="black", linewidth=2))
for axis in axes:
    axis.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# A step of gradient descent subtracts `dweight` (blue becomes plus): the lower row of the kernel
# grows most, where the stroke was, and out of nothing an edge detector begins to form. That is how
# the kernels of the last lesson come about when nobody writes them down.
#
# ## The gradient of the picture
#
# The same product, from the other side. $A_{pk}$ goes into $Y_{pf}$ for every kernel $f$, each time
# multiplied by $W_{kf}$:
#
# $$\frac{\partial L}{\partial A_{pk}} = \sum_f \frac{\partial L}{\partial Y_{pf}}\, W_{kf}
# \qquad\text{that is}\qquad dA = dY\, W^\top$$
#
# That is a gradient for every cell of every window, and from there `col2im` knows the way.

# %% exercise
from minicnn.kernels.reference.convolution import conv2d_dx

# %% [markdown]
# The picture of it is a rubber stamp: **every number of `dy` stamps the kernel**, as strong as it
# is, onto the place that its window had. Where stamps overlap they add up.

# %%
weight = np.array([[-1.0, -1.0, -1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]).reshape(3, 3, 1, 1)
dy = np.zeros((1, 10, 10, 1))
dy[0, 1, 1], dy[0, 1, 7], dy[0, 6, 3], dy[0, 7, 4], dy[0, 6, 5] = 1, -2, 1, 1, 1
dx = conv2d_dx(dy, weight, (1, 12, 12, 1))

figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), layout="constrained", width_ratios=[10, 3, 12])
for axis, values, title in (
    (axes[0], dy, "dy: five numbers"),
    (axes[1], weight[..., 0][None], "the kernel"),
    (axes[2], dx, "dx: five stamps of the kernel"),
):
    picture = values[0, :, :, 0]
    axis.imshow(picture, cmap="RdBu_r", vmin=-3, vmax=3)
    for (row, column), value in np.ndenumerate(picture):
        if value:
            axis.text(column, row, f"{value:g}", ha="center", va="center")
    axis.set(title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## The gradient of the bias
#
# The bias of a kernel is added to every number of that kernel's output. Copied forward, so backward
# …? One line; only mind which axes go and which one stays.

# %% exercise
from minicnn.kernels.reference.convolution import conv2d_dbias

# %% [markdown]
# ## Do not believe it, measure it
#
# A gradient claims what happens when a number is nudged. So nudge: make one weight a little larger,
# and a little smaller, look what the loss does, and divide (lesson 3). For the loss we take
# $L = \sum y \cdot dy$ with a random `dy`, because its gradient by $y$ is exactly that `dy`.

# %%
x2, w2, b2 = (rng.standard_normal(shape) for shape in ((2, 6, 5, 2), (3, 3, 2, 4), (4,)))
dy2 = rng.standard_normal(conv2d(x2, w2, b2).shape)


def slope(array, index, epsilon=1e-5):
    """The slope of the loss along one number of x2, w2 or b2, measured."""
    losses = []
    for step in (epsilon, -2 * epsilon):
        array[index] += step
        losses.append((conv2d(x2, w2, b2) * dy2).sum())
    array[index] += epsilon
    return (losses[0] - losses[1]) / (2 * epsilon)


computed = {
    "weight": (w2, conv2d_dweight(dy2, x2, (3, 3))),
    "x": (x2, conv2d_dx(dy2, w2, x2.shape)),
    "bias": (b2, conv2d_dbias(dy2)),
}
for name, (array, gradient) in computed.items():
    measured = np.array([slope(array, i) for i in np.ndindex(array.shape)]).reshape(array.shape)
    print(f"{name:6}: of {array.size:3} slopes the worst is off by", end=" ")
    print(f"{np.abs(measured - gradient).max():.1e}")

# %% [markdown]
# ## A net that learns with your gradients
#
# Put all of it into the engine's table, and train a small net. Everything that its two convolutions
# do is now your code, forward and backward.

# %%
mine = {
    "im2col": im2col,
    "conv2d": conv2d,
    "col2im": col2im,
    "conv2d_dweight": conv2d_dweight,
    "conv2d_dx": conv2d_dx,
    "conv2d_dbias": conv2d_dbias,
}
model = nn.Sequential(
    nn.Conv2D(8, 5, activation="relu"),
    nn.MaxPool2D(2),
    nn.Conv2D(16, 3, activation="relu"),
    nn.MaxPool2D(2),
    nn.Flatten(),
    nn.Dense(10),
    input_shape=(28, 28, 1),
    rng=0,
)
with mc.kernels.use(**mine):
    adam = optim.Adam(3e-3)
    settings = {"epochs": 3, "batch_size": 64, "validation": None, "progress": False}
    mc.fit(model, train[:8000], optimizer=adam, **settings)
    print(f"{mc.evaluate(model, test[:2000]).accuracy:.1%} of 2,000 new digits are right")

# %% [markdown]
# ## The gradient as a picture
#
# `dx` of the first layer is a gradient for every pixel of the input. Nobody trains pixels; but we
# may *look* at it. Take the score that the net gives a digit, and ask: which pixel moves it, and
# which way? Red: ink here would raise the score; blue: ink here lowers it.
#
# The question can be sharper still. What makes this 4 a 4 and not a 9? Take the difference of the
# two scores and go backward from there. To calm the picture down, it is averaged over thirty copies
# of the digit with a little noise each (Smilkov et al., *SmoothGrad*, 2017).

# %%
pairs = [(4, 9), (1, 7), (3, 8), (7, 2)]
answers = mc.evaluate(model, test[:2000]).probabilities.argmax(axis=1)

figure, axes = plt.subplots(2, 4, figsize=(11, 6), layout="constrained")
for (digit, other), (above, below) in zip(pairs, axes.T, strict=True):
    place = np.flatnonzero((test.labels[:2000] == digit) & (answers == digit))[3]
    picture = test.scaled([place])
    copies = picture + rng.normal(0, 0.15, (30, 28, 28, 1)).astype(np.float32)
    pixels = mc.Tensor(copies, requires_grad=True)
    with mc.kernels.use(**mine):
        scores = model(pixels)
        towards = np.zeros((30, 10), np.float32)
        towards[:, other], towards[:, digit] = 1, -1
        (scores * towards).sum().backward()  # score of the other digit, less that of this one
    gradient = pixels.grad.mean(axis=0)[:, :, 0]

    above.imshow(picture[0, :, :, 0], cmap="gray_r")
    above.set_title(f"a {digit}")
    limit = np.abs(gradient).max()
    below.imshow(gradient, cmap="RdBu_r", vmin=-limit, vmax=limit)
    below.contour(picture[0, :, :, 0], levels=[0.4], colors="black", linewidths=1)
    below.set_title(f"what would make it a {other}")
    for axis in (above, below):
        axis.set(xticks=[], yticks=[])
figure.suptitle("The gradient of the pixels: red asks for ink, blue for paper")
plt.show()

# %% [markdown]
# Nobody told the net that a 4 becomes a 9 when its top is closed. It is in the gradient, and you
# can read it there.
#
# ## What you have now
#
# - Copying forward is summing backward: that is `col2im`, and it is `dbias`.
# - A product $A W$ goes backward as two products, $A^\top dY$ and $dY\, W^\top$.
# - `dweight` is input times gradient, summed over windows; `dx` is the kernel, stamped.
# - A linear map and its transpose can be tested with two random arrays, any gradient by nudging.
#
# ## Try this
#
# 1. Add the gradient to the picture of the 4, small step by small step, until the net says 9. How
#    does the picture look then? Would you say 9?
# 2. Ask for the whole story of one number:
#    `print(mc.trace_gradient(loss, model.layers[0].weight, (0, 0, 0, 0)))` with a `loss` from
#    `mc.functional.softmax_cross_entropy(model(images), labels)`. Which places of which picture
#    send the most?
#
# Between the convolutions stands pooling, which keeps the largest of four numbers. Where does *its*
# gradient go? That is lesson 9.
