# %% [markdown]
# # Learning
#
# You have a loss, and for every weight its gradient: the direction in which the loss *grows*. To
# learn is to walk the other way, a little, again and again. That much is clear. How large a step,
# whether to remember the last one, whether all weights should walk at the same pace: that is what
# makes the difference between a net that learns in minutes and one that never does.
#
# In this lesson you write the two steps that train nearly every net there is, gradient descent with
# momentum and Adam, and watch them walk: first down a valley that can be drawn, then through the
# 50,890 dimensions of a small net on digits.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minicnn as mc
from minicnn import functional as F
from minicnn import kernels, nn, optim

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#9a9a9a"

# %% [markdown]
# ## How large a step?
#
# **Gradient descent** takes from the weight $w$ the gradient $g$, times the *learning rate*
# $\eta$:
#
# $$w \leftarrow w - \eta\, g$$
#
# One weight and the loss $L(w) = \tfrac12 c\,w^2$ say already most of what there is to know. The
# gradient is $g = c\,w$, so one step makes
#
# $$w \leftarrow w - \eta\,c\,w = (1 - \eta c)\,w .$$
#
# Every step multiplies the distance to the minimum by the same factor. With $\eta = 1/c$ it is 0,
# and you are there in one step. With a smaller rate you creep. Above $1/c$ you overshoot and land
# on the other side; and from $\eta = 2/c$ on the factor is beyond $-1$, and each step takes you
# *farther away*. The steeper the curvature $c$, the smaller the largest rate.

# %%
curvature = 1.0
w = np.linspace(-3, 3, 200)
figure, panels = plt.subplots(1, 3, figsize=(10, 3.2), sharey=True, layout="constrained")
cases = (
    (0.1, "too small: it creeps"),
    (1.6, "large: it overshoots"),
    (2.1, "too large: it climbs"),
)
for axes, (rate, what) in zip(panels, cases, strict=True):
    walk = [1.5]
    for _ in range(7):
        walk.append(walk[-1] - rate * curvature * walk[-1])
    walk = np.array(walk)
    axes.plot(w, curvature * w**2 / 2, color=GREY)
    axes.plot(walk, curvature * walk**2 / 2, "o-", color=ORANGE, markersize=5, linewidth=1)
    axes.plot(walk[0], curvature * walk[0] ** 2 / 2, "o", color="black", markersize=7)
    axes.set(title=f"rate {rate}, {what}", xlabel="weight w")
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("loss")
plt.show()

# %% [markdown]
# The black dot is the start; three times the same seven steps.
#
# ## A valley, and the trouble with it
#
# Real losses have many weights, and not the same curvature in all directions. The simplest case is
# a long valley, flat along and steep across:
#
# $$L(a, b) = \tfrac12\,(a^2 + 40\,b^2)$$
#
# The steep direction, $c = 40$, allows a rate of at most $2/40$. The flat one, $c = 1$, would like
# a rate of 1. There is only one rate, so it is the steep direction that sets it, and the walk along
# the valley takes forever. Their quotient, here 40, is called the *condition number*; in nets it is
# easily in the thousands.
#
# **Momentum** (Polyak, 1964) is the cure with a picture: not a walker but a heavy ball. It has a
# *velocity* $v$, of which it keeps a share $\mu$, usually 0.9, at each step; the gradient only
# pushes:
#
# $$v \leftarrow \mu\,v - \eta\,g, \qquad w \leftarrow w + v$$
#
# Across the valley the pushes change sign from step to step and cancel. Along the valley all push
# the same way and add up: with a constant gradient the velocity approaches
#
# $$v = -\eta\,g\,(1 + \mu + \mu^2 + \dots) = -\frac{\eta\,g}{1 - \mu},$$
#
# ten times the plain step for $\mu = 0.9$. With $\mu = 0$ you are back at plain gradient descent,
# so one function serves both.
#
# **Nesterov's** variant looks ahead. The ball is about to roll on by $\mu v$ anyway, so take that
# part of the next step at once, with the velocity that has just been made:
#
# $$v \leftarrow \mu\,v - \eta\,g, \qquad w \leftarrow w + \mu\,v - \eta\,g$$
#
# Now write it. One thing is different from all functions before: it returns nothing. It changes
# `weight` and `velocity` *in place*, for these arrays are the memory of the net and of the
# optimizer. `weight -= …` changes the array; `weight = weight - …` makes a new one that nobody ever
# sees.

# %% exercise
from minicnn.kernels.reference.optimizers import sgd_step

# %% [markdown]
# Three steps with a constant gradient of 1 and a rate of 0.1. Follow the size of the velocity: 0.1,
# then 0.1 + 0.09, then 0.1 + 0.09 + 0.081.

# %%
weight, velocity = np.array([5.0]), np.zeros(1)
for _ in range(3):
    sgd_step(weight, np.ones(1), velocity, 0.1, 0.9, False)
    print(f"velocity {velocity[0]:.3f}   weight {weight[0]:.3f}")

# %% [markdown]
# ## Adam: a pace for every weight
#
# Momentum helps, but one rate is still shared by all. In a net some gradients are a thousand times
# larger than others: those of a first layer and of a last one, of a pixel that is always ink and of
# one that almost never is. **Adam** (Kingma and Ba, 2015) asks for each weight by itself how large
# its gradient usually is, and divides by that.
#
# It keeps two running averages, of the gradient and of its square:
#
# $$m \leftarrow m + (1-\beta_1)(g - m), \qquad v \leftarrow v + (1-\beta_2)(g^2 - v)$$
#
# Each moves a small part of the way towards what it has just seen. With $\beta_1 = 0.9$ the first
# remembers about 10 steps, with $\beta_2 = 0.999$ the second about 1,000. And the step is their
# quotient, so that $\sqrt v$ takes the units of the gradient away:
#
# $$w \leftarrow w - \eta\,\frac{m}{\sqrt v + \varepsilon}$$
#
# If the gradient always has the same sign, $|m| \approx \sqrt v$, and the step is $\eta$, whether
# the gradient is $10^{-3}$ or $10^{3}$. If it jumps about zero, $m$ is small against $\sqrt v$, and
# so is the step. $\varepsilon = 10^{-7}$ keeps a weight whose gradient is 0 from dividing by it.
#
# **The beginning.** Both averages start at 0, which is a lie about the past. After step $s$ with a
# constant $g$ they are
#
# $$m = (1 - \beta_1^s)\,g, \qquad v = (1 - \beta_2^s)\,g^2 .$$
#
# At the first step that is $0.1\,g$ and $0.001\,g^2$, so the quotient is $0.1/\sqrt{0.001} = 3.2$
# times too large, just when we know least. Dividing each by its factor sets it right. As the
# factors are plain numbers, they can be drawn into the rate, once for all weights:
#
# $$\eta_s = \eta\;\frac{\sqrt{1-\beta_2^s}}{1-\beta_1^s}, \qquad
#   w \leftarrow w - \eta_s\,\frac{m}{\sqrt v + \varepsilon}$$

# %% exercise
from minicnn.kernels.reference.optimizers import adam_step

# %% [markdown]
# Two weights with the gradients 1000 and 0.001. Adam takes the same step of 0.1 with both, from the
# first one on:

# %%
weight, m, v = np.array([5.0, 5.0]), np.zeros(2), np.zeros(2)
for step in (1, 2, 3):
    adam_step(weight, np.array([1000.0, 0.001]), m, v, step, 0.1, 0.9, 0.999, 1e-7)
    print(f"step {step}: weights {weight.round(4)}")

# %% [markdown]
# ## Down the valley
#
# The valley of above seen from the top, with its lines of equal loss. Everyone starts at the black
# dot, takes 40 steps and wants to get to the star. Plain descent has nearly the largest rate that
# it can have here.


# %%
def walk_down(step_function, steps):
    """Where one comes by in the valley, (steps + 1, 2), and the loss at each point."""
    place = np.array([-9.0, 1.6])
    memory = [np.zeros(2), np.zeros(2)]
    trail = [place.copy()]
    for number in range(1, steps + 1):
        gradient = place * [1.0, 40.0]
        step_function(place, gradient, *memory, number)
        trail.append(place.copy())
    trail = np.array(trail)
    return trail, (trail**2 @ [1.0, 40.0]) / 2


walkers = {
    "gradient descent": (ORANGE, lambda w, g, v, _, s: sgd_step(w, g, v, 0.046, 0.0, False)),
    "with momentum": (BLUE, lambda w, g, v, _, s: sgd_step(w, g, v, 0.02, 0.8, False)),
    "Adam": (GREEN, lambda w, g, m, v, s: adam_step(w, g, m, v, s, 0.6, 0.9, 0.999, 1e-7)),
}
a, b = np.meshgrid(np.linspace(-10, 3, 261), np.linspace(-2.3, 2.3, 201))
surface = (a**2 + 40 * b**2) / 2

figure = plt.figure(figsize=(10, 6.6), layout="constrained")
panels = figure.subplot_mosaic(
    [["gradient descent", "losses"], ["with momentum", "losses"], ["Adam", "losses"]],
    width_ratios=[1.7, 1],
)
for name, (colour, step_function) in walkers.items():
    trail, losses = walk_down(step_function, 40)
    axes = panels[name]
    axes.contour(a, b, surface, levels=np.geomspace(0.3, 100, 9), colors="#c8c8c8", linewidths=0.9)
    axes.plot(*trail.T, "o-", color=colour, markersize=3.5, linewidth=1.3)
    axes.plot(*trail[0], "o", color="black", markersize=8)
    axes.plot(0, 0, "*", color="black", markersize=13)
    axes.set(title=name, ylabel="b, steep", xlim=(-10, 3), ylim=(-2.3, 2.3), yticks=[-2, 0, 2])
    panels["losses"].semilogy(losses, color=colour, label=name)
panels["Adam"].set_xlabel("a, flat")
panels["losses"].set(title="how far down", xlabel="step", ylabel="loss")
panels["losses"].legend(frameon=False)
panels["losses"].spines[["top", "right"]].set_visible(False)
figure.suptitle("Three ways down a valley, 40 steps each")
plt.show()

# %% [markdown]
# - **Gradient descent** is thrown from wall to wall, and what it wins along the valley is small.
# - **Momentum** swings too, but the swings die out while its pace along the valley grows. It
#   overshoots the star, as a heavy ball would, and comes back.
# - **Adam** divides each direction by its own steepness. It starts on the diagonal, with the same
#   step in both, as if the valley were round, and is never thrown about. But it divides by what the
#   gradient *was*: near the star its steps stay large, it runs past and swings. This is why one
#   lowers the learning rate towards the end of a training.
#
# ## A net on digits
#
# The valley was chosen to make a point. Now the real thing: a net with one hidden layer, 784 → 64
# → 10, on 8,000 digits. You have written every part of it: the matrix product and ReLU of lesson 4,
# the loss of lesson 5, and the step. `kernels.use` puts your steps into the engine, and the
# optimizers of `minicnn.optim` call them.
#
# Gradients come from batches of 100 digits instead of all 8,000: 80 cheap steps, each a bit wrong,
# get farther than one exact step. That is the *S*, stochastic, of SGD.

# %%
train, _ = mc.data.mnist()
digits, held_out = train[:8000], train[8000:10_000]


def train_net(optimizer, epochs=3):
    """The loss of every step, and the accuracy on digits that it has not seen."""
    model = nn.Sequential(nn.Flatten(), nn.Dense(64, "relu"), nn.Dense(10), input_shape=(28, 28, 1))
    model.build((28, 28, 1), np.random.default_rng(0))
    order = np.random.default_rng(1)
    losses = []
    with kernels.use("reference", sgd_step=sgd_step, adam_step=adam_step):  # yours
        for _ in range(epochs):
            for images, labels in digits.batches(100, order):
                loss = F.softmax_cross_entropy(model(images), labels)
                model.zero_grad()
                loss.backward()
                optimizer.step(model.parameters())
                losses.append(loss.item())
    answers = model(held_out.scaled()).data.argmax(axis=1)
    return np.array(losses), (answers == held_out.labels).mean()


# %%
def smooth(losses, width=15):
    """The mean of the last `width` losses, so that the curve shows through the noise."""
    sums = np.cumsum(np.concatenate([[0.0], losses]))
    return (sums[width:] - sums[:-width]) / width


figure, axes = plt.subplots(figsize=(8.5, 4), layout="constrained")
optimizers = {
    "SGD, rate 0.1": (ORANGE, optim.SGD(0.1)),
    "SGD, rate 0.1, momentum 0.9": (BLUE, optim.SGD(0.1, momentum=0.9)),
    "Adam, rate 0.001": (GREEN, optim.Adam(0.001)),
}
for name, (colour, optimizer) in optimizers.items():
    losses, accuracy = train_net(optimizer)
    axes.semilogy(losses, color=colour, alpha=0.2, linewidth=0.8)
    axes.semilogy(np.arange(14, len(losses)), smooth(losses), color=colour, label=name)
    print(f"{name:30} right for {accuracy:.1%} of unseen digits")
axes.axhline(np.log(10), color=GREY, linewidth=1, linestyle="--")
axes.text(240, 2.4, "log 10: knows nothing", ha="right", va="bottom", color="#555555")
axes.set(
    title="784 → 64 → 10 on digits: one step after the other",
    xlabel="step (80 are one epoch)",
    ylabel="loss of the batch",
    xlim=(0, 240),
    ylim=(0.03, 4),
    yticks=[0.03, 0.1, 0.3, 1, 3],
    yticklabels=["0.03", "0.1", "0.3", "1", "3"],
)
axes.minorticks_off()
axes.legend(loc="lower left", frameon=False)
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# Pale: the loss of each batch. Strong: its running mean. All three begin at $\log 10$, as lesson 5
# says they must, and momentum leaves plain descent behind at once. Adam comes second. So momentum
# is the better method? Not so fast.
#
# ## The rate matters more than the method
#
# A comparison at one rate each is not fair: who chose the rates? Here every method gets
# eleven of them, and one epoch for each.

# %%
rates = np.geomspace(1e-4, 10, 11)
methods = {
    "SGD": (ORANGE, "o", optim.SGD),
    "SGD with momentum 0.9": (BLUE, "s", lambda rate: optim.SGD(rate, momentum=0.9)),
    "Adam": (GREEN, "^", optim.Adam),
}
figure, axes = plt.subplots(figsize=(8.5, 4), layout="constrained")
for name, (colour, marker, make) in methods.items():
    with np.errstate(all="ignore"):  # too large a rate overflows
        reached = [train_net(make(rate), epochs=1)[1] for rate in rates]
    axes.semilogx(rates, reached, marker=marker, color=colour, label=name)
    print(f"{name:22} best at rate {rates[np.argmax(reached)]:.2g}: {max(reached):.1%}")
axes.axhline(0.1, color=GREY, linewidth=1, linestyle="--")
axes.text(10, 0.09, "guessing", color="#555555", ha="right", va="top")
axes.set(
    title="After one epoch, at eleven learning rates",
    xlabel="learning rate",
    ylabel="accuracy on unseen digits",
    ylim=(0, 1),
)
axes.yaxis.set_major_formatter("{x:.0%}")
axes.legend(loc="lower center", bbox_to_anchor=(0.5, 0.1), frameon=False)
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# Three hills at different places. To the left of each the net creeps; to the right it is thrown out
# of every valley, and in the end only guesses.
#
# The hill of momentum is that of SGD moved to the left by a factor of 10, the $1/(1-\mu)$ of above;
# its top is a little higher. The top of Adam is as high as that of momentum (so much for the
# comparison at one rate), but look how *broad* it is: from 0.001 to 0.03, a factor of 30, it stays
# within a few points. That is why everybody begins with Adam.
#
# ## What you have now
#
# - `sgd_step`: plain, with momentum, and with Nesterov's look-ahead;
# - `adam_step`: a pace for every weight, and an honest beginning;
# - a rule for bad curves: the loss climbs or jumps? Rate down. It falls in a straight slow line?
#   Rate up, by factors of 3.
#
# You have now written every part of a net of dense layers. `minicnn train --with . --through 6`, in
# your folder, trains one on all 60,000 digits with your functions.
#
# ## Try this
#
# - **Nesterov.** Add a fourth walker to the valley, with `True` as its last argument. What becomes
#   of the swinging?
# - **Without the honest beginning.** Give Adam a step number of 1000 from the start and draw its
#   trajectory. How long is the first step?
# - **Cooling down.** Let the rate of Adam in the valley fall linearly to 0 over the 40 steps. How
#   near does it get? `minicnn.optim.SCHEDULES` has four such ways.
#
# Next: the net so far sees 784 numbers and does not know that two of them are neighbours. In lesson
# 7 it learns to look.
