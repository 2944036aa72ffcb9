# %% [markdown]
# # The loss
#
# The last layer of a classifier gives ten numbers for a picture, one for each digit: its *scores*,
# or **logits**. The largest one is the answer. But to learn, an answer is not enough. We need
#
# 1. **probabilities**, so that the net can be unsure,
# 2. **one number** that says how wrong it is, the loss,
# 3. **the gradient** of that number: in which direction to push each score.
#
# All three are one line of mathematics, and all three break if you type that line as it stands. In
# this lesson you see them break on a real digit, and then write the form that every framework
# uses.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minicnn as mc

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#9a9a9a"

train, _ = mc.data.mnist()
x = train.scaled(slice(0, 10_000)).reshape(10_000, 784)  # (N, 784), pixels from 0 to 1
labels = train.labels[:10_000]

# %% [markdown]
# ## Scores
#
# Here is the simplest classifier that one can think of. Average all fives, and you get a template
# of a five. The score of a picture for "five" is how well the two match: multiply them pixel by
# pixel, and sum. That is a matrix product, `x @ templates`, a dense layer without learning.

# %%
templates = np.stack([x[labels == digit].mean(axis=0) for digit in range(10)], axis=1)  # (784, 10)
logits = x @ templates  # (N, 10)
print("dtype of the scores:", logits.dtype)
number = 51  # the digit that we look at in this lesson
print("a", labels[number], "has the scores", logits[number].round(1))

# %% [markdown]
# ## Softmax: from scores to probabilities
#
# Probabilities are positive and sum to 1. The exponential makes every score positive, keeps their
# order, and turns a *lead* of 1 into a *factor* of $e$; dividing by the sum does the rest:
#
# $$p_i = \frac{e^{z_i}}{\sum_k e^{z_k}}$$
#
# Let us type exactly that. (NumPy would warn; it is kept quiet here, as it is in many a training
# log.)


# %%
def naive_softmax(scores):
    with np.errstate(all="ignore"):
        powers = np.exp(scores)
        return powers / powers.sum(axis=-1, keepdims=True)


print("scores 1, 2, 3:  ", naive_softmax(np.array([1.0, 2.0, 3.0])))
print("our digit:       ", naive_softmax(logits[number]))

# %% [markdown]
# The first line is what we want. The second holds something that is *not a number*, for a perfectly
# ordinary zero, if a bold one: the largest number that float32 can hold is about
# $3.4\cdot10^{38} \approx e^{88.7}$. A score of 89 becomes infinity, and infinity divided by
# infinity is NaN. One digit in fifty has such a score here; so most batches of 100 have one.
#
# The way out is to see what softmax does *not* depend on. Take the same constant $m$ away from all
# scores:
#
# $$\frac{e^{z_i-m}}{\sum_k e^{z_k-m}} = \frac{e^{-m}\,e^{z_i}}{e^{-m}\sum_k e^{z_k}} = p_i$$
#
# It cancels. Only differences of scores matter, so we may choose $m$, for each row by itself. With
# $m = \max_k z_k$ the largest exponent is 0: nothing can overflow. Small ones may underflow to 0,
# which is harmless, since the sum is at least 1.

# %% exercise
from minicnn.kernels.reference.loss import softmax

# %% [markdown]
# The same digit with your function: what the templates say, and what softmax makes of it. Each
# point of a lead is a factor of 2.7; a lead of 35 leaves nothing to the others.

# %%
figure, (left, middle, right) = plt.subplots(
    1, 3, figsize=(10, 3), layout="constrained", width_ratios=[1, 1.4, 1.4]
)
left.imshow(x[number].reshape(28, 28), cmap="gray_r")
left.set(title=f"a picture of a {labels[number]}", xticks=[], yticks=[])
colours = [ORANGE if digit == labels[number] else BLUE for digit in range(10)]
middle.bar(range(10), logits[number], color=colours)
middle.set(title="its scores", xlabel="digit", ylabel="score z", xticks=range(10))
right.bar(range(10), softmax(logits[number]), color=colours)
right.set(title="softmax of the scores", xlabel="digit", ylabel="probability p", ylim=(0, 1))
right.set_xticks(range(10))
for axes in (middle, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# The orange bar is the right digit. Whatever the templates answer, they answer it far too surely,
# and for many a digit it is wrong; learning, further down, will cure that.
#
# ## Cross-entropy: how wrong?
#
# The right answer is a distribution too, the **target** $t$: 1 at the label, 0 elsewhere. How badly
# does $p$ fit? Ask how probable the net thought the truth was, and take $-\log$ of it:
#
# $$L = -\sum_i t_i \log p_i = -\log p_\text{label}$$
#
# Sure and right costs $-\log 1 = 0$. A net that knows nothing says $p = 1/10$ and pays
# $\log 10 \approx 2.303$: **the loss of a fresh net on ten classes; remember this number.** Sure
# and wrong costs without limit. And since a product of probabilities becomes a sum of logarithms,
# making the total $L$ small is making all labels together as probable as possible.
#
# Why not compute softmax first, now that it is safe, and its logarithm afterwards? Because of that
# harmless underflow. A class far behind has $p = 0$ exactly, and $\log 0 = -\infty$. Put the two
# formulas together *before* computing, and the exponential and the logarithm meet:
#
# $$-\log p_i = -\log\frac{e^{z_i-m}}{\sum_k e^{z_k-m}}
#   = \log\sum_k e^{z_k-m} - (z_i - m)$$
#
# No logarithm of a vanishing number is left: the sum is between 1 and the number of classes. This
# is what *fused* means. The backward pass needs the probabilities, and they fall out on the way,
# so the function returns both.

# %% exercise
from minicnn.kernels.reference.loss import softmax_cross_entropy

# %%
fresh, _ = softmax_cross_entropy(np.zeros((1, 10)), np.eye(10)[[3]])
print(f"ten equal scores cost {fresh[0]:.4f}; log 10 = {np.log(10):.4f}")

targets = np.eye(10, dtype=np.float32)[labels]  # (N, 10), a 1 at each label
losses, probabilities = softmax_cross_entropy(logits, targets)
right_ones = (probabilities.argmax(axis=1) == labels).mean()
print(f"the templates are right for {right_ones:.0%}, and their mean loss is {losses.mean():.2f}")

# %% [markdown]
# Right in almost two cases of three, and yet little better than a net that knows nothing and pays
# 2.303 for every digit. Who is sure and wrong pays most of all.
#
# ## Where the naive form turns NaN
#
# Two classes; the right one has the score 0, the wrong one $z$. The true loss is
# $\log(1 + e^z)$, very nearly $z$ itself. The naive form computes softmax as typed above and then
# its logarithm. Where does it stop?


# %%
def naive_loss(scores, targets):
    with np.errstate(all="ignore"):
        return -(targets * np.log(naive_softmax(scores))).sum(axis=1)


wrong = np.geomspace(1, 1e5, 1001)
scores = np.stack([wrong, np.zeros_like(wrong)], axis=1)  # (1001, 2)
truth = np.tile([0.0, 1.0], (len(wrong), 1))
fused, _ = softmax_cross_entropy(scores, truth)

figure, axes = plt.subplots(figsize=(8.5, 4.6), layout="constrained")
axes.loglog(wrong, fused, color=GREEN, linewidth=10, alpha=0.3, label="fused, yours")
for dtype, colour, width in ((np.float32, ORANGE, 4), (np.float64, BLUE, 1.5)):
    naive = naive_loss(scores.astype(dtype), truth.astype(dtype))
    alive = np.isfinite(naive)
    name, last = np.dtype(dtype).name, wrong[alive][-1]
    axes.plot(wrong[alive], naive[alive], color=colour, linewidth=width, label=f"naive, {name}")
    axes.plot(last, naive[alive][-1], "X", color=colour, markersize=12)
    axes.axvline(last, color=colour, linewidth=1, linestyle=":")
    axes.annotate(
        f"{name} ends at {last:.0f}:\nfrom here on NaN",
        (last, 1.6),
        xytext=(6, 0),
        textcoords="offset points",
        color=colour,
    )
largest = logits[number].max()
for value, what in ((largest, "our zero"), (255 * largest, "our zero,\npixels 0 to 255")):
    axes.plot(value, value, "o", color="black", markersize=6, zorder=3)
    axes.annotate(
        what, (value, value), xytext=(-12, 18), textcoords="offset points", ha="right", va="center"
    )
axes.set(
    title="One formula, two ways to compute it",
    xlabel="score of the wrong class, z (the right one has 0)",
    ylabel="loss",
    xlim=(1, 1e5),
    ylim=(1, 2e5),
)
axes.legend(loc="upper left", frameon=False)
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# The black dots are scores of the size that our zero really has, with its pixels scaled and
# unscaled. In float32, the dtype in which nets are trained, both lie beyond the end of the naive
# form; float64 only moves the cliff. The fused form has none.
#
# One NaN is enough. It goes into the gradient, from there into every weight, and the net is lost.
#
# ## The gradient
#
# Now the gift. For one example, with $\sum_i t_i = 1$,
#
# $$L = \log\sum_k e^{z_k} - \sum_i t_i z_i .$$
#
# Derive by $z_j$: the logarithm gives one over the sum, the sum's only term with $z_j$ gives
# $e^{z_j}$, and that quotient is softmax again:
#
# $$\frac{\partial L}{\partial z_j} = \frac{e^{z_j}}{\sum_k e^{z_k}} - t_j = p_j - t_j$$
#
# *What was said minus what was right.* No exponential, no logarithm, no division: always between -1
# and 1, whatever the scores. (Through softmax and log one after the other you would multiply by
# $1/p$, which is infinite just where the net is most wrong.)
#
# One thing is left. This loss is not the end of the calculation, its mean over the batch is. So for
# each example a gradient arrives from above, `dlosses` of shape (N,), which for a mean holds $1/N$
# in every place. The chain rule multiplies by it.

# %% exercise
from minicnn.kernels.reference.loss import softmax_cross_entropy_vjp

# %% [markdown]
# First the test that you built in lesson 3, by hand for one score: move it by a little in both
# directions and see how the loss follows.

# %%
z, t = np.array([[2.0, -1.0, 0.5]]), np.array([[0.0, 1.0, 0.0]])
step = 1e-6 * np.array([[1.0, 0.0, 0.0]])
up, down = softmax_cross_entropy(z + step, t)[0], softmax_cross_entropy(z - step, t)[0]
_, p = softmax_cross_entropy(z, t)
print("numerical:", ((up - down) / 2e-6)[0])
print("yours:    ", softmax_cross_entropy_vjp(np.ones(1), p, t)[0, 0])

# %% [markdown]
# And as a picture, for a three that could be an eight. (To see more than two bars, its scores are
# divided by 10 first.)

# %%
three = slice(7, 8)
_, p = softmax_cross_entropy(logits[three] / 10, targets[three])
dz = softmax_cross_entropy_vjp(np.ones(1, np.float32), p, targets[three])

figure, panels = plt.subplots(1, 3, figsize=(10, 3), sharey=True, layout="constrained")
parts = (
    (p[0], "what was said, p", BLUE),
    (targets[7], "what was right, t", ORANGE),
    (dz[0], "the gradient, p - t", GREEN),
)
for axes, (heights, title, colour) in zip(panels, parts, strict=True):
    axes.bar(range(10), heights, color=colour)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(title=title, xlabel="digit", xticks=range(10), ylim=(-1.05, 1.05))
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("probability, or gradient")
plt.show()

# %% [markdown]
# Going *against* the gradient lifts the one score that points down, and lowers each of the others
# by as much as it was overrated. The bars of the gradient sum to zero: score is moved around, never
# made, for adding a constant to all scores changes nothing.
#
# ## It learns
#
# You have a loss and its gradient; that is all a classifier needs. The scores are $xW$, so the
# chain rule of lesson 4 gives $dW = x^\top dz$. Begin with $W = 0$, knowing nothing, and walk
# downhill for 200 steps. The last 2,000 of our digits are kept aside to see whether it has
# understood.

# %%
seen, kept = slice(0, 8000), slice(8000, 10_000)
weight = np.zeros((784, 10), np.float32)
share = np.full(8000, 1 / 8000, np.float32)  # the gradient of a mean
history, gradients = [], []
for _ in range(200):
    losses, p = softmax_cross_entropy(x[seen] @ weight, targets[seen])
    dz = softmax_cross_entropy_vjp(share, p, targets[seen])
    gradients.append(x[seen].T @ dz)
    weight -= 0.5 * gradients[-1]
    history.append(losses.mean())
accuracy = (softmax(x[kept] @ weight).argmax(axis=1) == labels[kept]).mean()
print(f"loss {history[0]:.3f} -> {history[-1]:.3f}; right for {accuracy:.1%} of unseen digits")

# %%
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.plot(history, color=GREEN)
axes.axhline(np.log(10), color=GREY, linestyle="--", linewidth=1)
axes.text(200, np.log(10) - 0.05, "log 10: knows nothing", color="#555555", ha="right", va="top")
axes.set(title="The loss while it learns", xlabel="step", ylabel="mean loss", ylim=(0, 2.5))
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# It begins at $\log 10$, as it must. Below is what happened to the weights, seen as pictures, one
# column for each digit. Before the first step $p$ is 1/10 everywhere, so the first push is simply
# "mean of my digit minus a share of all digits". The end is more subtle: a pixel counts for a digit
# if it tells it *from the others*.

# %%
figure, rows = plt.subplots(2, 10, figsize=(10, 2.7), layout="constrained")
for row, matrix in zip(rows, (-gradients[0], weight), strict=True):
    limit = np.abs(matrix).max()
    for digit, axes in enumerate(row):
        picture = matrix[:, digit].reshape(28, 28)
        axes.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("#cccccc")
for digit, axes in enumerate(rows[0]):
    axes.set_title(digit)
rows[0, 0].set_ylabel("first push")
rows[1, 0].set_ylabel("after 200")
figure.suptitle("What each digit looks for: red for, blue against")
plt.show()

# %% [markdown]
# ## What you have now
#
# - `softmax`, safe at any size of the scores, because only their differences matter;
# - the fused loss, which never takes the logarithm of a vanishing number;
# - its gradient, $p - t$, the start of every backward pass from now on;
# - a number to know by heart: a fresh net on ten classes has a loss of $\log 10 \approx 2.303$.
#   If yours begins far above, look at the scale of its input before anything else.
#
# From here on `minicnn train --with .` computes its loss with your functions.
#
# ## Try this
#
# - **Unscaled pixels.** Give the training above `255 * x`. Nothing becomes NaN, thanks to you; but
#   look at the curve. Which rate would you need instead of 0.5?
# - **A protected logarithm.** Many programs write $-\log(p + 10^{-7})$. Draw it into the figure of
#   the two forms. What is its gradient for a digit that is very wrong, and who learns from it?
# - **Soft targets.** Give every wrong class 0.01 and the right one 0.91. What is the lowest loss
#   that is possible now, and at which scores?
#
# Next: 200 steps with the same rate for everything is the slowest way downhill that works.
# Lesson 6 walks faster.
