# %% [markdown]
# # Arrays and broadcasting
#
# Your rules of lesson 1 were written for single numbers, but nothing in `dy * b` says so: the same
# line multiplies two pictures, pixel by pixel. Where all shapes are equal, you are done. The
# trouble, and the subject of this lesson, begins where NumPy is helpful: it *copies* small arrays
# until they fit large ones. A gradient has to find its way back through those copies. At the end
# you will ask a digit which of its pixels make it lean to the right, and it will answer with a
# picture.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minicnn as mc
from minicnn import Tensor

train, _ = mc.data.mnist()
BLUE, ORANGE = "#0072b2", "#d55e00"

# %% [markdown]
# ## What copies do to a gradient
#
# Add a row $b$ of three numbers to an array $a$ of four rows: `a + b`. NumPy *broadcasts* $b$: it
# acts as if $b$ stood there four times. The rule is short. Shapes are compared **from the right**;
# a size of 1 is copied to the size beside it, and an axis that is missing *on the left* is added:
#
# ```
# a      (4, 3)          a       (4, 3)         images  (100, 28, 28)
# b         (3,)         c       (4, 1)         mean         (28, 28)
# a + b  (4, 3)          a + c   (4, 3)         both    (100, 28, 28)
# ```
#
# So $b_j$ has gone into $y_{1j}, y_{2j}, y_{3j}, y_{4j}$. Push $b_j$, and all four move. A number
# that is used several times gets the sum of what its uses send back; you know that from lesson 1:
#
# $$\frac{\partial L}{\partial b_j} = \sum_i \frac{\partial L}{\partial y_{ij}} \cdot
# \underbrace{\frac{\partial y_{ij}}{\partial b_j}}_{1} = \sum_i dy_{ij}.$$
#
# **What was copied forward, is summed backward**, along the very axes of the copying. Then the
# gradient of $b$ has the shape of $b$ again, as it must: one number of gradient for each number.
#
# Write that as a function: `dy` has the shape after the copying, `shape` is the one before. Axes
# that were *added* must go; axes that were of size 1 must be 1 again.

# %% exercise
from minicnn.tape import unbroadcast

# %% [markdown]
# Look at it work. A row, and below it a column, are both copied to (4, 3); what belongs to one
# number is not torn apart by a gap. Then the same gradient `dy` comes back, and your function sums
# it: each number gets what its own copies have sent.

# %%
row, column = np.array([1.0, 2.0, 3.0]), np.array([[1.0], [2.0], [3.0], [4.0]])
dy = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, -1.0], [2.0, 1.0, 0.0], [-1.0, 1.0, 1.0]])


def draw(axes, array, colours, title, small):
    """An array as a table of its numbers; gaps between those that are copies of different ones."""
    cells = np.atleast_2d(array)
    axes.imshow(cells, cmap=colours, vmin=-7, vmax=7)
    for (i, j), value in np.ndenumerate(cells):
        axes.text(j, i, f"{value:g}", ha="center", va="center", fontsize=12)
    for edge in np.arange(0.5, cells.shape[0] - 1):
        axes.axhline(edge, color="white", linewidth=0 if small == "row" else 6)
    for edge in np.arange(0.5, cells.shape[1] - 1):
        axes.axvline(edge, color="white", linewidth=6 if small == "row" else 0)
    axes.set(xlim=(-0.5, 2.5), ylim=(3.5, -0.5))  # all at the same scale
    axes.set_title(f"{title}\n{array.shape}")
    axes.set_axis_off()


figure, panels = plt.subplots(2, 4, figsize=(9, 6), layout="constrained")
for small, (first, second, third, fourth) in zip((row, column), panels):
    kind = "row" if small.ndim == 1 else "column"
    copied = np.broadcast_to(small, dy.shape)
    draw(first, small, "Blues", kind, kind)
    draw(second, copied, "Blues", "forward: copied to", kind)
    draw(third, dy, "PuOr_r", "backward: dy", kind)
    draw(fourth, unbroadcast(dy, small.shape), "PuOr_r", "summed back to", kind)
figure.suptitle("Copies sum back", fontsize=15)
plt.show()

# %% [markdown]
# ## The other way round: a sum
#
# A sum is the mirror of a copy. In $y_j = \sum_i x_{ij}$ every $x_{ij}$ moves its $y_j$ by as much
# as it moves itself, the local slope is 1; so every one of them gets the *whole* of $dy_j$, not a
# share of it:
#
# $$\frac{\partial L}{\partial x_{ij}} = dy_j.$$
#
# **What was summed forward, is copied backward.** The sum of an array of `shape` over `axis` has
# lost that axis (or keeps it with size 1, if `keepdims=True`), so the gradient that comes back has
# lost it too. Bring it back, and copy along it. `axis` may be one number, several, or None for all
# of them.

# %% exercise
from minicnn.tensor import spread

# %% [markdown]
# The gradient of the sums of rows, copied back to the rows. Both of your functions, one after the
# other, give each number as many times as it was copied; do you see why?

# %%
dsums = np.array([10.0, 20.0, 30.0, 40.0])
print(spread(dsums, (4, 3), axis=1))
print(unbroadcast(spread(dsums, (4, 3), axis=1), (4, 1)).ravel())

# %% [markdown]
# ## More arithmetic
#
# Three ops more, and you can write nearly every formula. From here on, *an op need not think of
# copies*: `op` calls `unbroadcast` on whatever a rule gives back. So these are rules for single
# numbers again.
#
# **Subtract.** $y = a - b$: pushing $b$ up pushes $y$ down.
#
# **Divide.** $y = a / b$. Along $a$ this is a multiplication by $1/b$. Along $b$ you need
# $\frac{\mathrm d}{\mathrm d b}\, b^{-1} = -b^{-2}$.
#
# **Power.** $y = x^p$ with a plain number $p$, so there is one rule only: $\frac{\mathrm d}{\mathrm
# d x}\, x^p = p\, x^{p-1}$. Beware of $p = 0$: then $y$ is 1 everywhere and the slope is 0, but at
# $x = 0$ the formula asks for $0 \cdot 0^{-1}$, which NumPy takes for NaN.

# %% exercise
from minicnn.tensor import subtract

# %% exercise
from minicnn.tensor import divide

# %% exercise
from minicnn.tensor import power

# %% [markdown]
# As in lesson 1, a slope can be seen: each curve and, below it, the gradient that your rule gives.
# Where the curve climbs the gradient must be positive, where it is flat zero.

# %%
at = np.linspace(-2, 2, 200)
positive = at[at > 0.3]
curves = {
    "x³": (at, lambda x: power(x, 3)),
    "1 - x": (at, lambda x: subtract(Tensor(np.float64(1)), x)),
    "1 / x": (positive, lambda x: divide(Tensor(np.float64(1)), x)),
    "√x": (positive, lambda x: power(x, 0.5)),
}
figure, panels = plt.subplots(2, 4, figsize=(11, 4.6), sharex="col", layout="constrained")
for (name, (where, function)), (above, below) in zip(curves.items(), panels.T):
    x = Tensor(where, requires_grad=True)
    y = function(x)
    y.backward(np.ones(len(where)))
    above.plot(where, y.data, color=BLUE, linewidth=2)
    below.plot(where, x.grad, color=ORANGE, linewidth=2)
    below.axhline(0, color="gray", linewidth=0.8)
    above.set_title(name)
    above.axhline(0, color="gray", linewidth=0.8)
    above.locator_params(axis="x", integer=True)
    above.locator_params(axis="y", integer=True, nbins=5)
    below.locator_params(axis="y", integer=True, nbins=5)
    below.margins(y=0.15)
    below.set_xlabel("x")
panels[0, 0].set_ylabel("value")
panels[1, 0].set_ylabel("gradient")
plt.show()

# %% [markdown]
# ## Copies in real life: the average digit
#
# Two hundred handwritten threes, and one picture $m$ that shall be as close to all of them as
# possible:
#
# $$L = \frac{1}{N} \sum_{n=1}^{N} \sum_{\text{pixels}} (x_n - m)^2.$$
#
# $m$ is (28, 28), the threes are (200, 28, 28): so $m$ is copied two hundred times, and its
# gradient is the sum of what two hundred threes want. Where do a few steps of learning lead,
# beginning with a black picture?

# %%
threes = Tensor(train.images[train.labels == 3][:200, :, :, 0] / 255)
m, rate = Tensor(np.zeros((28, 28)), requires_grad=True), 0.1
frames = {}
for step in range(21):
    difference = subtract(threes, m)
    loss = divide(power(difference, 2).sum(), Tensor(np.float64(len(threes))))
    frames[step] = m.data.copy(), loss.item()
    m.grad = None
    loss.backward()
    m[...] = m.data - rate * m.grad

figure, panels = plt.subplots(1, 6, figsize=(12, 2.6), layout="constrained")
panels[0].imshow(threes.data[7], cmap="gray", vmin=0, vmax=1)
panels[0].set_title("one of 200 threes")
for axes, step in zip(panels[1:], [0, 1, 3, 8, 20]):
    frame, loss = frames[step]
    axes.imshow(frame, cmap="gray", vmin=0, vmax=1)
    axes.set_title(f"m, step {step}\nloss {loss:.1f}")
for axes in panels:
    axes.set_axis_off()
plt.show()
print(f"largest distance from the mean: {np.abs(m.data - threes.data.mean(axis=0)).max():.3f}")

# %% [markdown]
# It goes to the mean of all threes, and now you can say why: the gradient of $m$ is $-\frac 2 N
# \sum_n (x_n - m)$, which is zero exactly there. The sum in it is `unbroadcast`. By hand, and by
# yours: what two hundred threes want, a picture from each, summed back to one.

# %%
wishes = -2 / len(threes) * difference.data  # of the last step
print(wishes.shape, "->", unbroadcast(wishes, m.shape).shape)
print(f"apart from backward by {np.abs(unbroadcast(wishes, m.shape) - m.grad).max():.0e}")

# %% [markdown]
# ## Ask the pixels
#
# Where is the ink of a digit? Its centre of mass is the mean column, weighted by brightness. And
# how wide is it? The weighted mean of the squared distance from that centre:
#
# $$\bar c = \frac{\sum x_{ij}\, j}{\sum x_{ij}} \qquad\qquad
# s^2 = \frac{\sum x_{ij}\,(j - \bar c)^2}{\sum x_{ij}}$$
#
# Here everything comes together: $j$ is (28,) and is copied to every row, $\bar c$ is one number
# and is copied to every column, sums and quotients and a square. Which pixels move the centre to
# the right if they get brighter? Which ones make the digit wider? The gradient of one number by a
# picture is a picture.

# %%
digit = train.images[train.labels == 7][2, :, :, 0] / 255
x = Tensor(digit, requires_grad=True)
j = Tensor(np.arange(28.0))


def centre_and_width(x):
    ink = x.sum()
    centre = divide((x * j).sum(), ink)
    return centre, divide((x * power(subtract(j, centre), 2)).sum(), ink)


centre, _ = centre_and_width(x)
centre.backward()
for_centre, x.grad = x.grad, None
_, width = centre_and_width(x)
width.backward()
for_width = x.grad

figure, panels = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
panels[0].imshow(digit, cmap="gray_r")
panels[0].set_title("a digit and its centre of mass")
for axes, gradient, title in [
    (panels[1], for_centre, "gradient of the centre"),
    (panels[2], for_width, "gradient of the width"),
]:
    largest = np.abs(gradient).max()
    image = axes.imshow(gradient, cmap="PuOr_r", vmin=-largest, vmax=largest)
    axes.contour(digit, [0.5], colors="black", linewidths=0.8)
    axes.set_title(title)
    bar = figure.colorbar(image, ax=axes, ticks=[-largest, 0, largest], shrink=0.8)
    bar.ax.set_yticklabels(["less", "0", "more"])
for axes in panels:
    axes.axvline(centre.item(), color=ORANGE, linestyle="--")
    axes.set(xlabel="column", xticks=[0, 10, 20], yticks=[0, 10, 20])
panels[0].set_ylabel("row")
plt.show()

# %% [markdown]
# Read the pictures: brightening a pixel right of the centre (orange) pulls the centre to the right,
# the more the further it lies, as on a seesaw. For the width it is a parabola: ink near the centre
# makes the digit *narrower* (purple), ink far out wider, and the change of sign is where the
# distance from the centre is $s$. Nobody has told the machine so; it follows from five small rules.
#
# ## What you have now
#
# - `unbroadcast` and `spread`, mirror images: a copy sums back, a sum copies back.
# - Arithmetic on arrays of any shape that fit, with gradients of the right shape.
# - A first gradient that is a picture.
#
# ## Try this
#
# - Print `(x.data * for_centre).sum()`. Why is it (nearly) zero? What happens to the centre of mass
#   if *all* pixels get twice as bright?
# - Let $m$ learn from threes and eights together. Then let $m$ be of shape (28, 1), or (1, 28):
#   what does it become?
#
# **Next:** each of these rules *looked* right to you. Lesson 3 builds the instrument that finds the
# ones which are not.
