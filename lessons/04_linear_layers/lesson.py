# %% [markdown]
# # Linear layers
#
# Nine tenths of the work in a net are one operation: multiply all inputs by weights and add up. In
# this lesson you derive its gradients, which turn out to be the same operation again, and add the
# one small kink without which a hundred layers would be no more than one. Then you watch a net bend
# a line until it fits, and let the same few functions tell threes from eights.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minicnn as mc
from minicnn import Tensor, op

BLUE, ORANGE = "#0072b2", "#d55e00"
rng = np.random.default_rng(0)

# %% [markdown]
# ## One layer
#
# A layer takes $I$ numbers and gives $U$ numbers. Every output is a weighted sum of *all* inputs,
# plus a bias of its own. For a batch of $N$ examples, one in each row,
#
# $$y_{nu} = \sum_{i} x_{ni}\, w_{iu} + b_u
# \qquad\text{or in short}\qquad y = x\,w + b,$$
#
# with shapes $(N, I) \cdot (I, U) + (U,) \to (N, U)$. Now somebody hands us $dy$, of the shape of
# $y$. What are the gradients of $w$, $x$ and $b$? Nothing new is needed, only the two rules that
# you know: *a product sends `dy` times the other factor*, and *who is used several times adds up*.
#
# **The weight.** $w_{iu}$ stands in one term of $y_{nu}$, for each example $n$, with the factor
# $x_{ni}$:
#
# $$\frac{\partial L}{\partial w_{iu}} = \sum_n x_{ni} \cdot dy_{nu}.$$
#
# A sum over $n$ of products: that is a matrix product too. But in $x\,w$ the sum runs over the
# *last* axis of $x$, and here over its first. So which matrix must be turned?
#
# The layer below belongs to the engine as it is, `dense` in `minicnn.kernels`. The matrix product
# is there too: call it as `matmul(a, b)`.

# %% exercise
from minicnn.kernels.reference.linear import dense_dweight

# %% [markdown]
# What does such a gradient look like? Let one output say "this is a 3" about 100 digits of each
# kind, and let $dy$ be −1 for a 3 (say more!) and +1 for an 8 (say less!). The weight has one
# number for each pixel, so its gradient is a picture. A step of learning goes *against* it.

# %%
train, test = mc.data.mnist()


def some_of(data, digit, count):
    return data.images[data.labels == digit][:count].reshape(count, -1) / 255


threes, eights = some_of(train, 3, 100), some_of(train, 8, 100)
x = np.concatenate([threes, eights])  # (200, 784)
dy = np.repeat([-1.0, 1.0], 100)[:, np.newaxis]  # (200, 1)
step = -dense_dweight(dy, x).reshape(28, 28)

figure, panels = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
panels[0].imshow(threes[7].reshape(28, 28), cmap="gray_r")
panels[1].imshow(eights[0].reshape(28, 28), cmap="gray_r")
image = panels[2].imshow(step, cmap="PuOr_r", vmin=-60, vmax=60)
bar = figure.colorbar(image, ax=panels[2], ticks=[-50, 0, 50], shrink=0.85)
bar.ax.set_yticklabels(["speaks for 8", "0", "speaks for 3"])
for axes, title in zip(
    panels, ("one of 100 threes", "one of 100 eights", "first step of the weights")
):
    axes.set_title(title)
    axes.set_axis_off()
plt.show()

# %% [markdown]
# The formula has found by itself where an 8 has ink and a 3 has none: the two strokes on the left
# that close the loops.
#
# **The input.** $x_{ni}$ went into every output $u$ of its own example, each time with the factor
# $w_{iu}$:
#
# $$\frac{\partial L}{\partial x_{ni}} = \sum_u dy_{nu} \cdot w_{iu}.$$
#
# Now the sum runs over the last axis of *both*. Why is this gradient needed, when nobody changes
# the input? Because the input is the output of the layer before, and that one wants its $dy$.

# %% exercise
from minicnn.kernels.reference.linear import dense_dx

# %% [markdown]
# **The bias.** $b_u$ was added to row after row: it was copied along the batch. What does a copy do
# on the way back?

# %% exercise
from minicnn.kernels.reference.linear import dense_dbias

# %% [markdown]
# A good habit when you forget which matrix is turned: **look at the shapes**. From $dy$ $(N, U)$
# and $x$ $(N, I)$ there is only one product that gives $(I, U)$, and from $dy$ and $w$ only one
# that gives $(N, I)$. Put into an op, and put before the instrument of lesson 3, which says nothing
# if it finds nothing:


# %%
@op
def dense(x, weight, bias):
    return (
        x @ weight + bias,
        lambda dy: dense_dx(dy, weight),
        lambda dy: dense_dweight(dy, x),
        dense_dbias,
    )


mc.gradcheck(dense, *(rng.standard_normal(shape) for shape in [(4, 3), (3, 2), (2,)]))

# %% [markdown]
# ## Where a straight line ends
#
# A small problem that can be seen: points in the plane, of two kinds, which bite into each other.
# Targets are +1 and −1, the loss is the mean of $(y - \text{target})^2$ (lesson 5 finds a better
# one), and the net says "+1" where $y > 0$. So $y = 0$ is the **decision boundary**. What can one
# linear layer do, with $y = w_1 x_1 + w_2 x_2 + b$?

# %%
angle = rng.uniform(0, np.pi, 100)
upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
lower = np.stack([1 - np.cos(angle), 0.4 - np.sin(angle)], axis=1)
points = np.concatenate([upper, lower]) + 0.12 * rng.standard_normal((200, 2))
points -= points.mean(axis=0)
target = np.repeat([1.0, -1.0], 100)[:, np.newaxis]


def mean_square(y, target):
    return ((y - target) ** 2).sum() * (1 / len(target))


def learn(net, parameters, x, target, steps, rate):
    """Go down the gradient; keep the parameters and the loss of each step."""
    history = []
    for _ in range(steps + 1):
        for p in parameters:
            p.grad = None
        loss = mean_square(net(Tensor(x)), target)
        history.append((loss.item(), [p.data.copy() for p in parameters]))
        loss.backward()
        for p in parameters:
            p[...] = p.data - rate * p.grad
    return history


grid = np.stack(np.meshgrid(np.linspace(-2, 2, 120), np.linspace(-1.4, 1.4, 90)), axis=-1)


def draw_boundary(axes, net):
    """What the net says everywhere, the boundary where it says 0, and the points."""
    says = net(Tensor(grid.reshape(-1, 2))).data.reshape(90, 120)
    axes.contourf(
        grid[..., 0],
        grid[..., 1],
        np.clip(says, -2, 2),
        np.linspace(-2, 2, 21),
        cmap="PuOr_r",
        vmin=-4,
        vmax=4,
    )
    axes.contour(grid[..., 0], grid[..., 1], says, [0], colors="black", linewidths=2)
    for kind, colour in (1, ORANGE), (-1, "#5e3c99"):
        axes.scatter(
            *points[target[:, 0] == kind].T, s=12, color=colour, edgecolor="white", linewidth=0.4
        )
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xticks=[], yticks=[], aspect="equal")


weight = Tensor(rng.standard_normal((2, 1)), requires_grad=True)
bias = Tensor(np.zeros(1), requires_grad=True)


def linear(x):
    return dense(x, weight, bias)


history = learn(linear, [weight, bias], points, target, 40, 0.1)
figure, panels = plt.subplots(1, 4, figsize=(13, 2.9), layout="constrained")
for axes, step in zip(panels, [0, 3, 10, 40]):
    weight[...], bias[...] = history[step][1]
    draw_boundary(axes, linear)
    right = ((linear(Tensor(points)).data > 0) == (target > 0)).mean()
    axes.set_title(f"step {step}: {right:.0%} right")
figure.suptitle("One linear layer: the boundary turns, but stays straight", fontsize=14)
plt.show()

# %% [markdown]
# ## The kink
#
# So take two layers? $(x\,w_1 + b_1)\,w_2 + b_2 = x\,(w_1 w_2) + (b_1 w_2 + b_2)$: that is one
# linear layer again, however many you stack. Something that is *not* a straight line must stand
# between them. The simplest such thing works best, the **ReLU**:
#
# $$y = \max(x, 0), \qquad\qquad
# \frac{\mathrm d y}{\mathrm d x} = \begin{cases} 1 & x > 0 \\ 0 & x < 0 \end{cases}$$
#
# It is a gate: where $x$ was positive, the gradient passes as it is; where it was not, nothing
# passes, for $y$ does not move there. At exactly 0 there is a kink and no slope; by custom the gate
# is shut. The rule gets the *output* $y$: that is enough to know which way the gate stood, and $x$
# need not be kept.

# %% exercise
from minicnn.kernels.reference.activations import relu_vjp

# %% [markdown]
# In a picture: the gradient that comes in, and what your gate lets through.

# %%
at = np.linspace(-3, 3, 400)
y = np.maximum(at, 0)
dy = np.sin(4 * at)

figure, panels = plt.subplots(1, 3, figsize=(11, 2.6), sharex=True, layout="constrained")
curves = [
    (y, "forward: y = max(x, 0)"),
    (dy, "backward: dy comes in"),
    (relu_vjp(dy, y), "what passes"),
]
for axes, (curve, title), colour in zip(panels, curves, (BLUE, "gray", ORANGE)):
    axes.plot(at, curve, color=colour, linewidth=2)
    axes.axvspan(-3, 0, color="#eeeeee", zorder=0)
    axes.set(title=title, xlabel="x", xticks=[-3, 0, 3])
    axes.locator_params(axis="y", integer=True, nbins=4)
plt.show()

# %% [markdown]
# ## The boundary moves
#
# Two layers of yours with the gate between them: 2 numbers in, 16 hidden units, 1 number out. Each
# hidden unit is a straight fold in the plane, and the boundary can bend wherever one runs. Watch.


# %%
@op
def relu(x):
    y = np.maximum(x, 0)
    return y, lambda dy: relu_vjp(dy, y)


def two_layers(inputs, hidden):
    """Parameters of a net, small and random, and the net as a function."""
    shapes = [(inputs, hidden), (hidden,), (hidden, 1), (1,)]
    scale = [(2 / inputs) ** 0.5, 0.5, hidden**-0.5, 0.0]  # lesson 9 says why
    w1, b1, w2, b2 = (
        Tensor(s * rng.standard_normal(shape), requires_grad=True)
        for s, shape in zip(scale, shapes)
    )
    return [w1, b1, w2, b2], lambda x: dense(relu(dense(x, w1, b1)), w2, b2)


parameters, net = two_layers(2, 16)
history = learn(net, parameters, points, target, 2000, 0.05)

figure, panels = plt.subplots(2, 4, figsize=(13, 5.6), layout="constrained")
for axes, step in zip(panels.flat, [0, 10, 30, 100, 300, 700, 2000]):
    for p, value in zip(parameters, history[step][1]):
        p[...] = value
    draw_boundary(axes, net)
    right = ((net(Tensor(points)).data > 0) == (target > 0)).mean()
    axes.set_title(f"step {step}: {right:.0%} right")
panels[1, 3].semilogx([loss for loss, _ in history], color=BLUE, linewidth=2)
panels[1, 3].set(title="loss", xlabel="step", ylim=(0, None))
panels[1, 3].locator_params(axis="y", integer=True)
panels[1, 3].spines[["top", "right"]].set_visible(False)
figure.suptitle("Two layers and a ReLU: the boundary bends until it fits", fontsize=14)
plt.show()

# %% [markdown]
# ## The same net reads digits
#
# Nothing in these functions knows that the inputs were two. Give them 784 pixels: is this a 3 or an
# 8? A thousand digits of each kind, 300 steps, and then digits that the net has never seen.

# %%
x = np.concatenate([some_of(train, 3, 1000), some_of(train, 8, 1000)])
parameters, net = two_layers(784, 32)
learn(net, parameters, x, np.repeat([1.0, -1.0], 1000)[:, np.newaxis], 300, 0.02)

unseen = np.concatenate([some_of(test, 3, 900), some_of(test, 8, 900)])
says = net(Tensor(unseen)).data[:, 0]
is_three = np.repeat([True, False], 900)
wrong = (says > 0) != is_three
print(f"{1 - wrong.mean():.1%} of {len(unseen)} digits that it has never seen are right")

worst = np.argsort(np.where(wrong, -np.abs(says), 0))[:8]
figure, panels = plt.subplots(1, 8, figsize=(13, 2.1), layout="constrained")
for axes, i in zip(panels, worst):
    axes.imshow(unseen[i].reshape(28, 28), cmap="gray_r")
    axes.set_title(f"a {3 if is_three[i] else 8}, it says {3 if says[i] > 0 else 8}", fontsize=11)
    axes.set_axis_off()
figure.suptitle("Its most confident mistakes", fontsize=14)
plt.show()

# %% [markdown]
# ## What you have now
#
# - The gradients of a matrix product: **each is the gradient times the other matrix, turned so that
#   the shapes fit**.
# - The gate that makes stacked layers more than one.
# - A net that reads digits, of which every gradient is yours. `minicnn train --with .`, in your
#   folder, runs it at full size: its dense layers and ReLUs call these very functions.
#
# ## Try this
#
# - Leave the `relu` out of `two_layers`. What does the boundary look like after 2000 steps?
# - Two hidden units, then three, then sixty-four. How many folds does this problem need?
# - Start with all weights zero. Why does nothing move? (Ask `dense_dweight` and `relu_vjp`.)
#
# **Next:** the squared error wants every answer to be exactly +1 or −1, and punishes the net for
# being *too* right. And there are ten digits, not two. Lesson 5 builds the loss that is made for
# choosing one of many.
