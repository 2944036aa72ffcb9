# %% [markdown]
# # Pooling and initialisation
#
# Two small things stand between the convolution that you have written and a net that reads digits.
#
# **Pooling** makes the picture smaller and keeps what was found in it. Its backward pass is the
# first one that has to *remember a choice*.
#
# **Initialisation** is about the weights before the first step. Nobody looks at them; they are
# random, after all. But how large they are decides whether a deep net learns anything.

# %%
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

import minicnn as mc
from minicnn import functional as F
from minicnn import kernels, nn, optim

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#9a9a9a"

train, _ = mc.data.mnist()
images = train.scaled(slice(0, 4000))  # (N, 28, 28, 1), pixels from 0 to 1
labels = train.labels[:4000]

# %% [markdown]
# ## Only the largest counts
#
# After a convolution each number says how strongly a pattern, an edge for instance, was found at
# one place. For reading a digit it matters *that* the edge is there; whether it is one pixel
# further left does not. So cut the picture into windows of 2×2 and keep the largest number of each:
#
# $$y_{r,s} = \max_{i,\,j}\; x_{2r+i,\;2s+j}$$
#
# The picture has a quarter of the numbers afterwards, the next layer a quarter of the work, and
# each of its pixels sees twice as far.
#
# For the way back we must know *which* cell was the largest. So the function returns a second
# array, `winner`, with the number of the winning cell in each window, counted row by row:
#
# | | | |
# | --- | --- | --- |
# | in a 2×2 window: | 0 | 1 |
# | | 2 | 3 |
#
# Two things to think of. On a blank background all four are equal: then the **first** one wins, so
# that there is always exactly one winner. And with "same" padding some windows reach over the edge:
# a cell that does not exist must never win, not even against negative numbers. So the padding is
# filled with $-\infty$, and so is $y$ before the first comparison.

# %% exercise
from minicnn.kernels.reference.pooling import max_pool2d

# %%
small = np.array([[1.0, 3.0, -5.0, -2.0], [2.0, 0.0, -1.0, -9.0]]).reshape(1, 2, 4, 1)
y, winner = max_pool2d(small, (2, 2), (2, 2))
print(small[0, :, :, 0])
print("largest of each window:", y[0, 0, :, 0], "  won by cell", winner[0, 0, :, 0])

# %% [markdown]
# ## Who won the maximum
#
# The same for a real digit: the 20×20 pixels of a three, cut into 100 windows. An orange dot marks
# the winner of each. In the windows that are all white or all black nobody is larger than the
# others; there the first cell, top left, has won, and its dot is grey.

# %%
digit = images[7:8, 4:24, 4:24]  # (1, 20, 20, 1)
y, winner = max_pool2d(digit, (2, 2), (2, 2))
rows, columns = np.indices((10, 10))
won_rows = 2 * rows + winner[0, :, :, 0] // 2
won_columns = 2 * columns + winner[0, :, :, 0] % 2
smallest = -max_pool2d(-digit, (2, 2), (2, 2))[0]
dots = np.where(smallest == y, "#b0b0b0", ORANGE).ravel()


def windows(axes, size, step):
    """Lines around the windows of a picture with `size` pixels on a side."""
    for place in np.arange(0, size + 1, step) - 0.5:
        axes.axhline(place, color="#6f6f6f", linewidth=0.9)
        axes.axvline(place, color="#6f6f6f", linewidth=0.9)
    axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xticks=[], yticks=[])


figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 5.3), layout="constrained")
left.imshow(digit[0, :, :, 0], cmap="gray_r", vmin=0, vmax=1.3)
left.scatter(won_columns, won_rows, s=38, color=dots, edgecolor="white", linewidth=0.9, zorder=3)
left.set_title("20×20 pixels, and who won in each window")
windows(left, 20, 2)
right.imshow(y[0, :, :, 0], cmap="gray_r", vmin=0, vmax=1.3)
right.set_title("what is kept: 10×10")
windows(right, 10, 1)
plt.show()

# %% [markdown]
# ## The way back
#
# Let a gradient arrive at the 100 numbers on the right. Where does it go? In each window $y$ *is*
# one of the $x$, so its slope is 1 there. The other three could be a little larger or smaller, and
# nothing would change: their slope is 0.
#
# $$\frac{\partial L}{\partial x_\text{cell}} = \sum_{\text{windows that it won}}
#   \frac{\partial L}{\partial y_\text{window}}$$
#
# The winner takes it all. A sum stands there, because windows may overlap (with a stride smaller
# than the window), and then one bright pixel can win several of them. You know that sum: `col2im`
# of lesson 8 had it too. The `cells` of lesson 7 help again; they are views, so what you add to a
# cell is added to the picture.

# %% exercise
from minicnn.kernels.reference.pooling import max_pool2d_vjp

# %% [markdown]
# Send random numbers back through the windows of above. Red is positive, blue negative: every
# number of the left picture stands in the right one again, at the pixel that had won.

# %%
dy = np.random.default_rng(3).normal(size=y.shape).astype(np.float32)
dx = max_pool2d_vjp(dy, winner, digit.shape, (2, 2), (2, 2))

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.9), layout="constrained")
colours = {"cmap": "RdBu_r", "vmin": -2.5, "vmax": 2.5}
left.imshow(dy[0, :, :, 0], **colours)
left.set_title("the gradient that arrives: 10×10")
windows(left, 10, 1)
shown = right.imshow(dx[0, :, :, 0], **colours)
right.set_title("the gradient of the pixels: the winners have it all")
windows(right, 20, 2)
figure.colorbar(shown, ax=right, shrink=0.8, label="gradient")
plt.show()
print("sum that arrived:", dy.sum().round(4), "  sum that was passed on:", dx.sum().round(4))

# %% [markdown]
# And with windows of 3×3, two pixels apart, that overlap? A numerical gradient, as in lesson 3,
# says whether the sums are right. It needs a picture without ties, for where two are equal the
# maximum has a corner and no slope.

# %%
rng = np.random.default_rng(0)
picture = rng.permutation(49).reshape(1, 7, 7, 1).astype(float)
upstream = rng.normal(size=(1, 3, 3, 1))
_, winner = max_pool2d(picture, (3, 3), (2, 2))
exact = max_pool2d_vjp(upstream, winner, picture.shape, (3, 3), (2, 2))
numerical = np.zeros_like(picture)
for place in np.ndindex(picture.shape):
    step = np.zeros_like(picture)
    step[place] = 1e-4
    up, _ = max_pool2d(picture + step, (3, 3), (2, 2))
    down, _ = max_pool2d(picture - step, (3, 3), (2, 2))
    numerical[place] = ((up - down) * upstream).sum() / 2e-4
print("largest difference to the numerical gradient:", np.abs(exact - numerical).max())

# %% [markdown]
# ## How large is random?
#
# Now the weights before the first step. All zero will not do: then all units of a layer compute the
# same, get the same gradient, and stay the same for ever. They must be random, with mean 0. But of
# which size?
#
# Follow one unit. It has $n$ inputs, called its *fan-in*, and computes
# $z = w_1 x_1 + \dots + w_n x_n$. The weights are independent with mean 0 and variance $\sigma^2$,
# so the cross terms average out and the squares remain:
#
# $$\overline{z^2} = n\,\sigma^2\;\overline{x^2}$$
#
# Then comes ReLU. $z$ is as often negative as positive, so half of its squares become 0:
# $\overline{y^2} = \tfrac12\,\overline{z^2}$. Together, one layer does to the size of the numbers
#
# $$\overline{y^2} = \tfrac12\,n\,\sigma^2\;\overline{x^2} .$$
#
# And $y$ is the $x$ of the next layer. If the factor is 1/2, ten layers make $1/1024$ of it; if it
# is 2, they make 1024. There is one choice only with which the size stays what it is
# (He et al., 2015):
#
# $$\tfrac12\,n\,\sigma^2 = 1 \qquad\Longleftrightarrow\qquad \sigma^2 = \frac{2}{n}$$
#
# That is all: normal numbers with variance $2/n$. For a dense weight (in, out) $n$ is the number of
# inputs; for a convolution (KH, KW, in, out) each output sums over a whole window, so
# $n = \text{KH}\cdot\text{KW}\cdot\text{in}$. The engine's `fans(shape)` gives you both fan-in and
# fan-out. Mind that `rng.normal` asks for the standard deviation, not for the variance.

# %% exercise
from minicnn.nn.init import he_normal

# %%
rng = np.random.default_rng(0)
for shape in ((784, 100), (5, 5, 1, 32), (3, 3, 32, 64)):
    fan_in = np.prod(shape[:-1])
    weight = he_normal(rng, shape)
    print(f"{shape!s:15} fan-in {fan_in:4}: variance {weight.var():.5f}, 2/n = {2 / fan_in:.5f}")

# %% [markdown]
# ## Layer by layer
#
# Ten layers of 100 units with ReLU, fed with 500 digits, before any learning: the histograms show
# what the units of a layer compute, $z$, with three sizes of weights. For $n = 100$ He's formula
# says $\sigma = 0.14$; we compare a third of that, the right one, and twice as much. Above each
# histogram stands the typical size, $\sqrt{\overline{z^2}}$. All have the same axes.

# %%
SIZES = [784] + [100] * 10


def forward(initialise):
    """The weights of ten layers, and the z of each for 500 digits."""
    rng = np.random.default_rng(0)
    x = images[:500].reshape(500, 784)
    x = x / np.sqrt(np.mean(x**2))  # typical size 1
    weights, zs = [], []
    for shape in pairwise(SIZES):
        weights.append(initialise(rng, shape))
        zs.append(x @ weights[-1])
        x = np.maximum(zs[-1], 0)
    return weights, zs


def typical(array):
    return np.sqrt(np.mean(np.square(array, dtype=np.float64)))


choices = {
    "too small: σ = 0.05": (BLUE, lambda rng, shape: 0.05 * rng.standard_normal(shape)),
    "yours: σ² = 2/n": (GREEN, he_normal),
    "too large: σ = 0.3": (ORANGE, lambda rng, shape: 0.3 * rng.standard_normal(shape)),
}
shown_layers = (1, 2, 4, 6, 8, 10)
figure, rows = plt.subplots(3, 6, figsize=(11, 5.4), sharex=True, layout="constrained")
for row, (name, (colour, initialise)) in zip(rows, choices.items(), strict=True):
    _, zs = forward(initialise)
    for axes, layer in zip(row, shown_layers, strict=True):
        z = zs[layer - 1].ravel()
        axes.hist(z, bins=np.linspace(-4, 4, 65), weights=np.full(z.size, 1 / z.size), color=colour)
        size = typical(z)
        axes.set_title(f"{size:,.0f}" if size > 10 else f"{size:.2g}", fontsize=10)
        axes.set(yticks=[], xticks=[-4, 0, 4], ylim=(0, 0.06))
        axes.spines[["top", "right", "left"]].set_visible(False)
    row[0].set_ylabel(name)
for axes, layer in zip(rows[-1], shown_layers, strict=True):
    axes.set_xlabel(f"z in layer {layer}")
figure.suptitle("What ten layers make of a digit, before any learning")
plt.show()

# %% [markdown]
# In the first row the signal dies out: in layer 10 every digit looks the same to the net, all
# zeros. (The needle is too high for its frame.) In the last row it explodes; hardly a number is
# left between -4 and 4. In yours the tenth layer computes numbers like the first.
#
# The gradient goes the same way back: through the same weights, and through ReLU, which lets the
# same half pass. So it should have the same trouble, multiplied *again*. Let us send random numbers
# back from layer 10.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
layers = np.arange(1, 11)
for name, (colour, initialise) in choices.items():
    weights, zs = forward(initialise)
    dz = np.random.default_rng(1).standard_normal(zs[-1].shape)
    gradients = [typical(dz)]
    for weight, z in zip(weights[:0:-1], zs[-2::-1], strict=True):
        dz = (dz @ weight.T) * (z > 0)
        gradients.insert(0, typical(dz))
    left.semilogy(layers, [typical(z) for z in zs], "o-", color=colour, label=name)
    right.semilogy(layers, gradients, "o-", color=colour, label=name)
left.set(title="forward: the size of z  →", xlabel="layer", ylabel="typical size", xticks=layers)
right.set(title="←  backward: the size of its gradient", xlabel="layer", xticks=layers)
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e4e4")
left.legend(frameon=False)
plt.show()

# %% [markdown]
# Straight lines on a logarithmic axis: a factor for each layer, as derived. Only with your weights
# do both the signal on its way up and the gradient on its way down arrive in the size in which they
# set out.
#
# ## Does it matter?
#
# Train the same net of ten layers three times, with your three sizes of weights, and the optimizer
# of lesson 6.


# %%
def train_deep(initialise, steps=200):
    """The loss of each step on batches of 100 digits."""
    layers = [nn.Dense(100, "relu") for _ in range(10)]
    model = nn.Sequential(nn.Flatten(), *layers, nn.Dense(10), input_shape=(28, 28, 1))
    rng = np.random.default_rng(0)
    model.build((28, 28, 1), rng)
    for layer in layers:
        layer.weight[...] = initialise(rng, layer.weight.shape)
    optimizer, losses = optim.SGD(0.01, momentum=0.9), []
    with kernels.use("reference"), np.errstate(all="ignore"):  # what explodes, overflows
        for _ in range(steps):
            chosen = rng.integers(0, 4000, 100)
            loss = F.softmax_cross_entropy(model(images[chosen]), labels[chosen])
            model.zero_grad()
            loss.backward()
            optimizer.step(model.parameters())
            losses.append(loss.item())
    return np.array(losses)


figure, axes = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
for name, (colour, initialise) in choices.items():
    losses = train_deep(initialise)
    axes.plot(losses, color=colour, label=name)
    print(f"{name:20} first loss {losses[0]:9.3f}, mean of the last ten {losses[-10:].mean():.3f}")
    if not np.isfinite(losses[-1]):
        end = np.argmin(np.isfinite(losses)) + 1
        says = f"begins at {losses[0]:,.0f}, beyond the frame;\nNaN from step {end} on"
        axes.annotate(says, (0, 4), (10, 3.3), color=colour, arrowprops={"arrowstyle": "->"})
axes.axhline(np.log(10), color=GREY, linewidth=1, linestyle="--")
axes.text(200, np.log(10) + 0.08, "log 10: knows nothing", color="#555555", ha="right")
axes.set(
    title="Three nets of eleven layers; only the weights before the first step differ",
    xlabel="step",
    ylabel="loss",
    ylim=(0, 4),
)
axes.legend(frameon=False, loc="upper right")
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# Nothing differs but the size of random numbers. With the small ones hardly any gradient arrives at
# the lower layers, and the loss stays at $\log 10$ as if nailed there. The large ones end in NaN
# within a few steps. If ever a loss of yours does one of these two, look here first. (Ten layers
# make it drastic; in a net of three, weights of a wrong size mostly make for a slow beginning.)
#
# ## What you have now
#
# - `max_pool2d`, which keeps the largest number of each window and remembers who it was;
# - its backward pass, in which the winner takes it all, and windows that overlap add up;
# - `he_normal`, and the reason for the 2 in it: ReLU lets one half through.
#
# With that you have every part of the classic net: convolution, ReLU, pooling, dense layers, loss,
# optimizer, first weights. `minicnn train --with . --through 9` runs it on your functions.
#
# ## Try this
#
# - **Without ReLU.** Take `np.maximum` out of `forward`. Which variance keeps the size now? And
#   with `np.tanh` in its place?
# - **Dead units.** Give all biases of a hidden layer the value -10 before the training. How many of
#   its units ever have a gradient? (`mc.diagnose` looks for them.)
# - **Average instead of maximum.** What would its backward pass be? Write it with `cells`, and
#   compare with `minicnn.kernels.reference.pooling.avg_pool2d_vjp`.
#
# Next: the net learns. It learns so well, in fact, that it begins to know its digits by heart.
# Lesson 10 is about not memorising.
