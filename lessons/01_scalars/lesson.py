# %% [markdown]
# # Scalars and the chain rule
#
# A network learns by one question, asked a million times: *if I turn this knob a little, does the
# error get smaller or larger, and how fast?* The answer is a slope, a **gradient**. In this lesson
# you build the machine that answers it for every knob at once, with single numbers, before it
# becomes arrays and pictures. At the end your machine straightens a line through a handwritten 1.

# %%
import io

import matplotlib.pyplot as plt
import numpy as np

import minicnn as mc
from minicnn import Tensor

# %% [markdown]
# ## A calculation is a graph
#
# Take a small calculation with two knobs, $a$ and $b$:
#
# $$\text{loss} = (a \cdot b)\cdot(a \cdot b + a)$$
#
# A computer does not see this formula. It does one small thing after another:
#
# $$c = a \cdot b \qquad d = c + a \qquad \text{loss} = c \cdot d$$
#
# If every result remembers what it was made of, then the calculation is a **graph**: numbers are
# its boxes, arrows say what went into what. All of differentiation is then two things: how each
# *single* step answers a push, and the order in which the answers are put together.
#
# ## One step: multiply
#
# Let $y = a \cdot b$, somewhere in the middle of a long calculation with the loss $L$ at its end.
# Suppose that we know already how $L$ answers to $y$, the number
#
# $$dy = \frac{\partial L}{\partial y}.$$
#
# Push $a$ by a little $\epsilon$. Then $y$ becomes $(a + \epsilon)\,b = y + \epsilon\, b$: it moves
# $b$ times as far. And $L$ moves $dy$ times as far as $y$. So together, and in the same way for
# $b$,
#
# $$\frac{\partial L}{\partial a} = dy \cdot b \qquad\qquad
# \frac{\partial L}{\partial b} = dy \cdot a.$$
#
# That is the **chain rule**: slopes along a path are multiplied. What arrives from above ($dy$, the
# *upstream* gradient) times what this step does by itself (its *local* slope).
#
# In this engine such a step is called an op. It is a function of the plain values that returns
# *first its value, and then a rule for each argument*. A rule is a function of `dy` alone. Here is
# one of a single argument:
#
# ```python
# @op
# def cube(x):
#     return x**3, lambda dy: dy * 3 * x**2
# ```
#
# The line `@op` makes a function of `Tensor`s out of it, which puts every call on record. Now
# yours.

# %% exercise
from minicnn.tensor import multiply

# %% [markdown]
# What did you just write? With $y = a \cdot a$ both arguments are the same number, so $a$ gets two
# gradients, and they add up to $2a$. A gradient is a slope, so we can *see* whether it is right:
# the straight line that has this slope must touch the curve.

# %%
at = np.linspace(-3, 4.5, 100)
curve = [multiply(Tensor(t), Tensor(t)).item() for t in at]

figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
axes.plot(at, curve, color="#0072b2", linewidth=2)
for start in -2.0, 0.5, 3.0:
    a = Tensor(start, requires_grad=True)
    y = multiply(a, a)
    y.backward()
    near = np.array([start - 0.9, start + 0.9])
    axes.plot(near, y.item() + a.grad.item() * (near - start), color="#d55e00", linewidth=2)
    axes.plot(start, y.item(), "o", color="#d55e00")
    axes.annotate(
        f"slope {a.grad.item():g}", (start, y.item()), (14, -5), textcoords="offset points"
    )
axes.set_title("Your gradient is the line that touches the curve y = a · a")
axes.set_xlabel("a")
axes.set_ylabel("y")
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## One step: add
#
# Do the same for $y = a + b$. Push $a$ by $\epsilon$: how far does $y$ move? What is the local
# slope, then, and what is left of the chain rule?

# %% exercise
from minicnn.tensor import add

# %% [markdown]
# Both together are enough for the calculation from above. `mc.Walk` prints what your rules do, step
# by step, from the loss back to the numbers that we chose. Follow it with a pencil once: in every
# step, the gradient that comes in, and what is sent on to whom.

# %%
a, b = Tensor(2.0, requires_grad=True), Tensor(3.0, requires_grad=True)
c = multiply(a, b)
d = add(c, a)
loss = multiply(c, d)
loss.backward(watch=mc.Walk({"a": a, "b": b, "c": c, "d": d, "loss": loss}, pause=False))

# %% [markdown]
# By hand: the loss is $a^2 b\,(b + 1)$, so its slope along $a$ is $2ab\,(b + 1) = 48$, and along
# $b$ it is $a^2 (2b + 1) = 28$. Is that what your rules say?
#
# ## The order
#
# Look at $c$ in that walk: its gradient had *two* shares, because $c$ was used twice, for $d$ and
# for the loss. It could send something on only when both had come in. So the order matters: **a
# number's turn comes when everything that was made from it has had its turn**.
#
# Turn that round, and it is a plain task about lists. List the numbers so that each one stands
# *after* all that it was made of, the loss last. This is called a *topological order*; read from
# the back, it is the order for gradients.
#
# A recorded number (a `Tensor`) tells you what you need:
#
# - `t.node` is None for a number that was given, a leaf; else `t.node.inputs` are those it was made
#   of;
# - `t.requires_grad` is False for constants, to which no gradient has to go.
#
# Two traps. A number that is reached by several ways must be listed once; tell tensors apart by
# their `id`, for `==` compares what they hold. And nets are deep: a function that calls itself for
# every step stops at Python's limit of a thousand calls; so keep a list of what is still to be
# done, your own stack.

# %% exercise
from minicnn.tape import topological_order

# %% [markdown]
# Your order for the small calculation: each number after those that it was made of.

# %%
c = multiply(a, b)
d = add(c, a)
loss = multiply(c, d)
names = {"a": a, "b": b, "c": c, "d": d, "loss": loss}
name_of = {id(tensor): name for name, tensor in names.items()}
print("  then  ".join(name_of[id(tensor)] for tensor in topological_order(loss)))

# %% [markdown]
# With the order and the rules, the whole of `backward` is ten lines. Here it is, on top of *your*
# functions; the engine's own is not much longer. Every number collects what is sent to it, and
# sends on its share when its turn comes.


# %%
def gradients_of(root):
    collected = {id(root): 1.0}  # the slope of a number by itself
    for tensor in reversed(topological_order(root)):
        dy = collected[id(tensor)]
        if tensor.node:
            for source, rule in zip(tensor.node.inputs, tensor.node.rules):
                if rule is not None:
                    collected[id(source)] = collected.get(id(source), 0.0) + rule(dy)
    return collected


gradient = gradients_of(loss)
for name, tensor in names.items():
    print(f"the gradient of {name:4} is {float(gradient[id(tensor)]):g}")

# %% [markdown]
# Watch the graph fill. The values have come down from $a$ and $b$ to the loss; now the gradients
# (orange) climb up, one number at a time. See how $c$ has to wait for $d$.


# %%
def picture(drawing):
    file = io.BytesIO()
    drawing.savefig(file, dpi=150)
    file.seek(0)
    return plt.imread(file)


figure, panels = plt.subplots(1, 5, figsize=(14, 5.4), layout="constrained")
figure.suptitle("The graph fills with gradients, from the loss back to a and b", fontsize=15)
for steps, axes in enumerate(panels, 1):
    graph = picture(mc.draw_graph(loss, names=names, gradients=steps))
    inked = np.flatnonzero((graph[:, :, :3] < 1).any(axis=(0, 2)))
    axes.imshow(graph[:, inked[0] : inked[-1]])  # without the white at both sides
    axes.set_title(f"step {steps}")
    axes.set_axis_off()
plt.show()

# %% [markdown]
# ## Learning, with two numbers
#
# Here is a handwritten 1. Which straight line runs through it? Each pixel with ink lies in some row
# and some column; we look for the slope $w$ and the shift $b$ so that
#
# $$\text{column} \approx w \cdot \text{row} + b,$$
#
# and count the error as the mean of $(w \cdot \text{row} + b - \text{column})^2$ over the pixels.
# (Row and column are counted from the middle of the picture and divided by 14, so that they lie
# between −1 and 1.)

# %%
train, _ = mc.data.mnist()
digit = train.images[train.labels == 1][0, :, :, 0]
rows, columns = np.nonzero(digit > 100)
u, v = (rows - 13.5) / 14, (columns - 13.5) / 14
print(len(u), "pixels with ink")


def line_loss(w, b):
    total = Tensor(0.0)
    for row, column in zip(u.tolist(), v.tolist()):
        off = add(add(multiply(w, row), b), -column)
        total = add(total, multiply(off, off))
    return multiply(total, 1 / len(u))


w, b = Tensor(0.0, requires_grad=True), Tensor(0.6, requires_grad=True)
print(len(topological_order(line_loss(w, b))), "numbers in the graph of one loss")

# %% [markdown]
# That is a graph which nobody would draw, and your functions go through it all the same. The
# gradient says which way the loss *grows*; so we take small steps the other way:
#
# $$w \leftarrow w - \eta \, \frac{\partial L}{\partial w} \qquad
# b \leftarrow b - \eta \, \frac{\partial L}{\partial b}$$
#
# with a small $\eta$, the learning rate. That is all that "training" means.

# %%
history, losses = [(w.item(), b.item())], []
for _ in range(200):
    loss = line_loss(w, b)
    gradient = gradients_of(loss)
    w = Tensor(w.item() - 0.1 * gradient[id(w)].item(), requires_grad=True)
    b = Tensor(b.item() - 0.1 * gradient[id(b)].item(), requires_grad=True)
    history.append((w.item(), b.item()))
    losses.append(loss.item())

figure, panels = plt.subplots(1, 5, figsize=(13, 3), layout="constrained")
for axes, step in zip(panels, [0, 5, 30, 200]):
    slope, shift = history[step]
    at = np.array([0, 27])
    axes.imshow(digit, cmap="gray_r")
    axes.plot(14 * (slope * (at - 13.5) / 14 + shift) + 13.5, at, color="#d55e00", linewidth=2.5)
    axes.set(xlim=(-0.5, 27.5), ylim=(27.5, -0.5), xticks=[], yticks=[])
    axes.set_title("at the start" if step == 0 else f"after {step} step{'s' * (step > 1)}")
panels[-1].plot(losses, color="#0072b2", linewidth=2)
panels[-1].set(
    title="The loss",
    xlabel="step",
    ylabel="mean squared distance",
    xticks=[0, 100, 200],
    yscale="log",
)
panels[-1].spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## What you have now
#
# - Two ops with their rules: *a product sends `dy` times the other factor, a sum sends `dy` as it
#   is*.
# - The order in which gradients can go back through any calculation, however it branches.
# - Together a learning machine: everything that follows, up to a net that reads digits, is this
#   loop with more ops and larger numbers.
#
# ## Try this
#
# - Set the learning rate to 0.8, then to 1.1, in the last loop. What does the line do, and why?
#   (Look at the loss.)
# - Take another 1: the `0` in `[0, :, :, 0]` chooses it. Or a 7. What is the best straight line
#   through a 0?
# - Write `gradients_of` without `reversed`. Which number is asked too early?
#
# **Next:** a picture has 784 pixels, and a graph with a box for each product would be slow. Lesson
# 2 does the same with whole arrays, where one number may be *copied* many times, and its gradients
# have to find their way back to it.
