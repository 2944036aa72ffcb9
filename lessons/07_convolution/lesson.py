# %% [markdown]
# # Convolution
#
# A dense layer looks at all 784 pixels of a digit at once, with a weight of its own for each of
# them. Move the digit one pixel to the right, and every weight meets another pixel: the layer has
# to learn the same stroke anew for every place where it may stand.
#
# Two observations lead to something better.
#
# 1. **What matters is near.** Whether a stroke ends here, or bends, a few neighbouring pixels know.
# 2. **What matters is the same everywhere.** An edge is an edge, wherever it stands.
#
# So take a small square of weights, a *kernel*, and slide it over the picture. At each place it
# gives one number: how well the pixels under it fit. A kernel of 3×3 has nine weights, not 784, and
# what it learns in one corner it knows in all the others. In this lesson you write that, first so
# that it is right, then so that it is fast.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

import minicnn as mc

train, test = mc.data.mnist()
digit = test.scaled(slice(0, 1))  # (1, 28, 28, 1): one picture, 28 rows, 28 columns, one channel
print(digit.shape, digit.dtype, "a", test.labels[0])

# %% [markdown]
# ## One window, one number
#
# Call the picture $x$, the kernel $w$ with $KH$ rows and $KW$ columns, and its bias $b$. The number
# at row $r$ and column $s$ of the result is
#
# $$y_{r,s} = b + \sum_{i=0}^{KH-1} \sum_{j=0}^{KW-1} x_{r+i,\;s+j}\; w_{i,j}$$
#
# In words: put the corner of the kernel on pixel $(r, s)$, multiply each weight with the pixel
# below it, and sum. (Mathematicians turn the kernel round first, and call what we do
# *cross-correlation*. Networks learn their kernels, so they would learn the turned one just as
# well; nobody turns it.)
#
# As loops that is short. Here is a kernel that answers to an edge with paper above and ink below:
# its weights are negative above, positive below, and sum to zero, so that even paper gives nothing.


# %%
def slide(picture, kernel):
    """The formula, word by word: (H, W), (KH, KW) -> (H - KH + 1, W - KW + 1)."""
    rows = picture.shape[0] - kernel.shape[0] + 1
    columns = picture.shape[1] - kernel.shape[1] + 1
    y = np.zeros((rows, columns))
    for r in range(rows):
        for s in range(columns):
            for i in range(kernel.shape[0]):
                for j in range(kernel.shape[1]):
                    y[r, s] += picture[r + i, s + j] * kernel[i, j]
    return y


upper_edge = np.array([[-1.0, -1.0, -1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
picture = digit[0, :, :, 0].astype(float)
edges = slide(picture, upper_edge)

# %% [markdown]
# Look at one place closely: the window whose corner is at row 6, column 11.

# %%
r, s = 6, 11
window = picture[r : r + 3, s : s + 3]

figure, axes = plt.subplots(
    1, 5, figsize=(11, 2.9), layout="constrained", width_ratios=[2.2, 1, 1, 1, 2.2]
)
axes[0].imshow(picture, cmap="gray_r")
axes[0].add_patch(Rectangle((s - 0.5, r - 0.5), 3, 3, fill=False, color="tab:red", linewidth=2))
axes[0].set_title("the picture")
small = {"the window": window, "× the kernel": upper_edge, "= products": window * upper_edge + 0}
for axis, (title, values) in zip(axes[1:4], small.items(), strict=True):
    axis.imshow(values, cmap="RdBu_r", vmin=-1.6, vmax=1.6)
    for (i, j), value in np.ndenumerate(values):
        axis.text(j, i, f"{value:.2g}", ha="center", va="center", fontsize=9)
    axis.set_title(title)
    axis.set_axis_off()
axes[3].set_title(f"= products,\nsum {edges[r, s]:.2f}")
axes[4].imshow(edges, cmap="RdBu_r", vmin=-3, vmax=3)
axes[4].add_patch(Rectangle((s - 0.5, r - 0.5), 1, 1, fill=False, color="tab:red", linewidth=2))
axes[4].set_title(f"the result: {edges[r, s]:.2f} in its place")
for axis in axes[[0, 4]]:
    axis.set_xlabel("column")
    axis.set_ylabel("row")
plt.show()

# %% [markdown]
# The result is 26×26, not 28×28: a window of three rows can begin at rows 0 to 25. In general
#
# $$OH = \left\lfloor \frac{H - KH}{\text{stride}} \right\rfloor + 1$$
#
# where the *stride* is how far the window moves at a time. If the picture is to keep its size,
# zeros are put around it first: *padding* `"same"`, as against `"valid"` without. The function
# `out_size` has this arithmetic, `pad` puts the zeros; both are there for you.
#
# ## From windows to a matrix
#
# The loops take their time: Python goes through every single product.

# %%
began = time.perf_counter()
slide(picture, upper_edge)
loops = time.perf_counter() - began
print(f"loops: {1000 * loops:.1f} ms for one picture and one kernel")
print(f"32 kernels on 60,000 pictures would take {loops * 32 * 60_000 / 3600:.0f} hours")

# %% [markdown]
# What is a computer fast at? Matrix products: decades of work went into them. And the formula *is*
# one in disguise. A window times a kernel, number by number, and summed, is what happens when a row
# of a matrix meets a column of another. So write every window as a row, every kernel as a column:
#
# $$\underbrace{\text{windows}}_{(N \cdot OH \cdot OW,\; K)} \; @ \;
# \underbrace{\text{kernels}}_{(K,\; F)} \; = \; \underbrace{y}_{(N \cdot OH \cdot OW,\; F)}
# \qquad K = KH \cdot KW \cdot C$$
#
# $N$ pictures, $C$ channels (a colour picture has three, the output of 32 kernels has 32), $F$
# kernels. One matrix product does them all at once.
#
# Laying the windows out is called `im2col`. It copies a pixel as often as windows cover it, up to
# nine times for 3×3, and still is worth it.
#
# How would you write it without a loop over windows? Turn the question round. Not: which pixels
# does *this window* see? But: which pixels does *this cell* of the window see, over all windows?
# The upper left cell sees the picture without its last two rows and columns; the next one the same,
# one column further; and so on. Each is one slice, and there are only $KH \cdot KW$ of them. The
# engine's `cells` yields them in turn:

# %%
from minicnn.kernels.reference.windows import cells

tiny = np.arange(9.0).reshape(1, 3, 3, 1)
print(tiny[0, :, :, 0], "\n")
for k, cell in enumerate(cells(tiny, kernel=(2, 2), stride=(1, 1), out=(2, 2))):
    print(f"cell {k} of the 2×2 windows sees {cell[0, :, :, 0].tolist()}")

# %% [markdown]
# In the order of the docstring below, the channels go last: cell $(i, j)$ and channel $c$ to column
# $(i \cdot KW + j) \cdot C + c$. Then the kernels, which are kept as $(KH, KW, C, F)$, need no
# shuffling to fit: a `reshape` is enough.

# %% exercise
from minicnn.kernels.reference.windows import im2col

# %% [markdown]
# The nine pixels of `tiny` have four windows of 2×2. Each is a row now, in reading order:

# %%
print(im2col(tiny, (2, 2)).reshape(4, 4))

# %% [markdown]
# And a real digit, every second pixel of it so that there is less to see: 14×14 pixels, 12×12
# windows of 3×3. The matrix is drawn lying on its side, so that a window is a **column** (hence the
# name). Find the three windows in it.

# %%
small = digit[:, ::2, ::2]
columns = im2col(small, (3, 3)).reshape(144, 9).T
places = {"tab:red": (3, 1), "tab:blue": (4, 6), "tab:green": (6, 8)}

figure = plt.figure(figsize=(11, 6.2), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=[1.25, 1])
axes = upper.subplots(1, 4, width_ratios=[2, 1, 1, 1])
axes[0].imshow(small[0, :, :, 0], cmap="gray_r", vmin=0, vmax=1)
axes[0].set(title="three windows of the picture", xlabel="column", ylabel="row")
axes[0].set(xticks=range(0, 14, 2), yticks=range(0, 14, 2))
below = lower.subplots()
below.imshow(columns, cmap="gray_r", aspect="auto", interpolation="nearest", vmin=0, vmax=1)
below.set(xlabel="number of the window: 12 · row + column", ylabel="cell of the window")
below.set_title("im2col: each window is a column", pad=18)
below.set_yticks(range(9))
for axis, (colour, (r, s)) in zip(axes[1:], places.items(), strict=True):
    number = 12 * r + s
    axes[0].add_patch(Rectangle((s - 0.5, r - 0.5), 3, 3, fill=False, color=colour, linewidth=2.5))
    axis.imshow(columns[:, number].reshape(3, 3), cmap="gray_r", vmin=0, vmax=1)
    for k in range(9):
        dark = columns[k, number] > 0.5
        axis.text(k % 3, k // 3, k, ha="center", va="center", color="white" if dark else "black")
    axis.set_title(f"row {r}, column {s}\n12 · {r} + {s} = {number}", color=colour)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set(color=colour, linewidth=2.5)
    box = Rectangle(
        (number - 0.5, -0.5), 1, 9, fill=False, color=colour, linewidth=2, clip_on=False
    )
    below.add_patch(box)
    below.text(number, -0.8, f"{number}", ha="center", va="bottom", color=colour, weight="bold")
plt.show()

# %% [markdown]
# The small pictures above carry the number of each cell; read one from 0 to 8, and you have its
# column from top to bottom. Neighbouring rows of the matrix look alike, one shifted against the
# other: they are the same picture, seen by neighbouring cells.
#
# ## The convolution
#
# Now the rest is two reshapes, one `@` and the bias. Mind the shapes: `cols` has four axes, the
# product wants two, and the answer has four again.

# %% exercise
from minicnn.kernels.reference.convolution import conv2d

# %% [markdown]
# It must give what the loops gave, and sooner:

# %%
weight, bias = upper_edge.reshape(3, 3, 1, 1), np.zeros(1)
x = digit.astype(float)
conv2d(x, weight, bias)
began = time.perf_counter()
y = conv2d(x, weight, bias)
product = time.perf_counter() - began
print("the same as the loops:", np.allclose(y[0, :, :, 0], edges))
print(f"{1000 * product:.2f} ms, where the loops took {1000 * loops:.1f} ms")

# %% [markdown]
# Four kernels at once, on one digit: two that look for edges lying down and standing up, one for
# strokes that climb to the right, and one that only blurs. Red is where the kernel fits, blue where
# its opposite does.

# %%
detectors = {
    "ink below": upper_edge,
    "ink to the right": upper_edge.T,
    "climbing stroke": np.array([[-1.0, -1.0, 2.0], [-1.0, 2.0, -1.0], [2.0, -1.0, -1.0]]),
    "blur": np.full((3, 3), 1 / 9),
}
weight = np.stack(list(detectors.values()), axis=-1)[:, :, None]  # (3, 3, 1, 4)
chosen = [0, 4]  # a 7 and a 4
maps = conv2d(test.scaled(chosen).astype(float), weight, np.zeros(4))
print("(N, OH, OW, F) =", maps.shape)

figure, axes = plt.subplots(3, 5, figsize=(11, 6.6), layout="constrained")
axes[0, 0].set_axis_off()
for row, place in zip(axes[1:], chosen, strict=True):
    row[0].imshow(test.images[place, :, :, 0], cmap="gray_r")
    row[0].set_title("the digit" if place == chosen[0] else "")
for f, (name, kernel) in enumerate(detectors.items()):
    axes[0, f + 1].imshow(kernel, cmap="RdBu_r", vmin=-3, vmax=3)
    axes[0, f + 1].set_title(name)
    for (i, j), value in np.ndenumerate(kernel):
        axes[0, f + 1].text(j, i, f"{value:.2g}", ha="center", va="center", fontsize=9)
    for n in range(2):
        limit = np.abs(maps[..., f]).max()
        axes[n + 1, f + 1].imshow(maps[n, :, :, f], cmap="RdBu_r", vmin=-limit, vmax=limit)
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
figure.suptitle("Four kernels, and what each finds in two digits")
plt.show()

# %% [markdown]
# Nobody will choose the kernels by hand in a network: they are weights, and are learned. But the
# first layer of a trained net ends up with much the same ones, edges in all directions.
#
# ## Stride and padding
#
# Your two functions take both already. What do they do to the size? Work out each line with the
# formula above before you run it.

# %%
for stride, padding in ((1, 1), "valid"), ((1, 1), "same"), ((2, 2), "valid"), ((2, 2), "same"):
    shape = conv2d(x, weight, np.zeros(4), stride, padding).shape
    print(f"stride {stride}, padding {padding!r}: {x.shape} -> {shape}")

# %% [markdown]
# ## In the engine
#
# The engine calls every kernel through a table, and you may put your own into it. From then on the
# layers of a network run on *your* convolution:

# %%
with mc.kernels.use("reference", im2col=im2col, conv2d=conv2d):
    layer = mc.nn.Conv2D(8, 3, padding="same")
    print(layer(digit).shape, "by", mc.kernels.provenance()["conv2d"])

# %% [markdown]
# ## What you have now
#
# - A convolution is one small set of weights, used at every place.
# - `im2col` lays the windows out, so that the convolution becomes a matrix product; the price is
#   memory, up to $KH \cdot KW$ copies of every pixel.
# - `stride` thins the windows out, `padding` keeps the size.
#
# ## Try this
#
# 1. Choose a kernel of 5×5 that answers to the *end* of a stroke. Draw what it gives for a 1 and
#    for an 8. Which digit has no ends?
# 2. Blur twice with the 3×3 kernel, once with a 5×5 one. Which pixels of the digit does a number of
#    the second result depend on? That is why nets stack small kernels.
#
# Forward works. For learning, the gradient has to find its way back through the windows, and a
# pixel was in nine of them: lesson 8.
