# %% [markdown]
# # Not memorising
#
# A student who has learnt all past papers by heart gets full marks for them, and fails the next
# one. Networks are such students. In this lesson you catch one at it, and then take away its means,
# twice: by *dropout*, so that no number inside the net can rely on a particular other one, and by
# *augmentation*, so that no picture ever comes back the way it was.

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from minicnn import evaluate, fit, kernels, nn, optim
from minicnn.training.callbacks import Callback
from minicnn.data import mnist

# %% [markdown]
# ## Caught
#
# To see the effect soon we teach with 1,000 digits only. Another 2,000, which the net is never
# trained with, are its exam: the **validation set**. (Both are parts of MNIST's training set. The
# test set stays locked away until everything is decided, or you would be choosing by it.)
#
# A thousand pictures against tens of thousands of weights: there is room to store them all.

# %%
digits, _ = mnist()
train, validation = digits[:1000], digits[50_000:52_000]


def small_net(rate=0.0):
    """Two convolutions, and dropout before the last layer."""
    return nn.Sequential(
        nn.Conv2D(16, 3, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(32, 3, activation="relu"),
        nn.MaxPool2D(2),
        nn.Flatten(),
        nn.Dense(64, activation="relu"),
        nn.Dropout(rate),
        nn.Dense(10),
        input_shape=(28, 28, 1),
        rng=0,
    )


class Exam(Callback):
    """After each epoch, what the net makes of its training digits in an exam like validation's."""

    def __init__(self):
        self.loss, self.accuracy = [], []

    def on_epoch(self, training):
        result = evaluate(training.model, train)
        self.loss.append(result.loss)
        self.accuracy.append(result.accuracy)


def train_net(rate=0.0, augment=None):
    """30 times through the 1,000 digits; loss and accuracy on both sets after each epoch."""
    exam = Exam()
    history = fit(
        small_net(rate),
        train,
        optimizer=optim.Adam(2e-3),
        epochs=30,
        batch_size=50,
        validation=validation,
        augment=augment,
        rng=0,
        callbacks=[exam],
        progress=False,
    )
    return {**history, "loss": exam.loss, "accuracy": exam.accuracy}


histories = {"plain": train_net()}
print(f"{small_net().parameter_count():,} weights")
for name in "accuracy", "val_accuracy":
    print(f"{name:13} after 30 epochs: {histories['plain'][name][-1]:.1%}")

# %% [markdown]
# Everything known by heart, yet about one exam question in twenty is wrong. And the accuracies hide
# when it went wrong, so look at the losses:


# %%
def draw_gap(axes, history, title):
    """Both losses against the epoch; what lies between them is the gap."""
    epochs = np.arange(1, len(history["loss"]) + 1)
    axes.fill_between(epochs, history["loss"], history["val_loss"], color="tab:orange", alpha=0.15)
    axes.plot(epochs, history["val_loss"], color="tab:orange", label="validation: never seen")
    axes.plot(epochs, history["loss"], color="tab:blue", label="training")
    axes.set(title=title, xlabel="epoch", ylim=(0, 0.6), xlim=(1, epochs[-1]))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.grid(alpha=0.3)


figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
draw_gap(axes, histories["plain"], "The shaded gap is what was memorised, not understood")
axes.set_ylabel("loss")
axes.legend()
plt.show()

# %% [markdown]
# The training loss goes to nothing. The validation loss follows it for a few epochs and then stays
# behind: two thirds of the training did nothing for the exam. The net no longer learns what digits
# are, it learns *these* digits.
#
# ## Dropout
#
# Think of a team in which one member knows everything. It does well until that member is ill. So
# let somebody be ill at every meeting: in each training step, set each activation to zero with
# probability $p$, the **rate**. Nobody can lean on one particular neighbour any more; what counts
# must be known in several places.
#
# At the exam nobody is ill, and then each sum in the next layer would be larger than it was in
# training. We make up for that while training: what is kept is scaled by $\frac{1}{1-p}$. With the
# mask
#
# $$m = \begin{cases} 0 & \text{with probability } p \\ \frac{1}{1-p} & \text{else}\end{cases}$$
#
# the expected value stays what it was,
#
# $$\mathbb{E}[m\,x] = p \cdot 0 + (1-p)\cdot\frac{x}{1-p} = x,$$
#
# and for predictions dropout has nothing to do at all. Backward is easy: $y = m\,x$ with $m$ a
# constant, so $\frac{\partial L}{\partial x} = m\,\frac{\partial L}{\partial y}$, with the *same*
# mask.

# %% exercise
from minicnn.kernels.reference.activations import dropout_mask

# %% [markdown]
# Is the expected value kept? Dropout usually works on activations, but on a digit it can be seen.
# One mask leaves a ruin, twice as bright where it left anything. The mean of many is the digit.

# %%
rng = np.random.default_rng(0)
digit = train.scaled([4])[0, :, :, 0]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
axes[0].imshow(digit, cmap="gray", vmin=0, vmax=2)
axes[0].set_title("x")
for panel, count in zip(axes[1:], (1, 10, 1000), strict=True):
    masks = dropout_mask(rng, (count, 28, 28), 0.5)
    panel.imshow((masks * digit).mean(axis=0), cmap="gray", vmin=0, vmax=2)
    panel.set_title("m · x" if count == 1 else f"mean of {count:,} × m · x")
for panel in axes:
    panel.set(xticks=[], yticks=[])
figure.suptitle("Dropout at a rate of 0.5: each mask destroys, their mean does not")
plt.show()

# %% [markdown]
# Now inside the net. `kernels.use` puts *your* mask in the engine's place while the block runs.

# %%
with kernels.use(dropout_mask=dropout_mask):
    histories["dropout"] = train_net(rate=0.5)
for name, history in histories.items():
    print(f"{name:8} validation accuracy {history['val_accuracy'][-1]:.1%}")

# %% [markdown]
# ## A picture between its pixels
#
# The other cure is more data. We have none, but we know something that the net does not: a four
# that stands two pixels further left, or leans a little, is still a four. So let us move each
# picture a little, differently every time it is shown.
#
# A turned picture needs brightness at places where there is no pixel. **Bilinear interpolation**
# takes the four pixels around such a place and weighs them by nearness. Between two pixels with the
# values $a$ and $b$, at a share $t$ of the way, a straight line gives $(1-t)\,a + t\,b$: each pixel
# counts by one minus its distance. In two directions the weights are multiplied:
#
# $$y(r, c) = \sum_{i}\sum_{j} \bigl(1-|r-i|\bigr)\bigl(1-|c-j|\bigr)\;x_{ij}, \qquad
#   i \in \{\lfloor r\rfloor, \lfloor r\rfloor + 1\},\;
#   j \in \{\lfloor c\rfloor, \lfloor c\rfloor + 1\}$$
#
# The four weights add up to 1. Pixels outside the picture count as 0, black like the background of
# every digit. Note $\lfloor\cdot\rfloor$, rounding *down*: $\lfloor -0.3 \rfloor = -1$, while
# `int(-0.3)` is 0.

# %% exercise
from minicnn.kernels.reference.augmentation import bilinear

# %% [markdown]
# With that a picture can be asked for anywhere, and as densely as we like:

# %%
crop = train.scaled([4])[:, 6:16, 8:20]
rows, columns = np.meshgrid(np.linspace(-1, 10, 200), np.linspace(-1, 12, 240), indexing="ij")
dense = bilinear(crop, rows[np.newaxis], columns[np.newaxis])
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.5), sharex=True, sharey=True)
figure.set_layout_engine("constrained")
left.imshow(crop[0, :, :, 0], cmap="gray", extent=(-0.5, 11.5, 9.5, -0.5))
left.set_title("10 × 12 pixels")
right.imshow(dense[0, :, :, 0], cmap="gray", extent=(-1, 12, 10, -1))
right.set_title("200 × 240 places between them")
for panel in left, right:
    panel.set(xlabel="column", xlim=(-1, 12), ylim=(10, -1), facecolor="black")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.yaxis.set_major_locator(MaxNLocator(integer=True))
left.set_ylabel("row")
plt.show()

# %% [markdown]
# ## Moving a picture is asking where it came from
#
# The obvious way, to take each old pixel and put it to its new place, leaves holes: two old pixels
# can land on the same new one, and some get none. So ask the other way round. For **each pixel of
# the new picture**: where was it in the old one? There is one answer for each, and `bilinear` reads
# the brightness there.
#
# That answer is a *map*, and for shifts, turns, zooms and all they can be joined to, it is one
# small matrix. A place is written as $(r, c, 1)$, counted from the middle of the picture; the 1 at
# its end lets a matrix also add:
#
# $$\begin{pmatrix} r_\text{old} \\ c_\text{old} \\ 1 \end{pmatrix} =
#   \begin{pmatrix} a_{11} & a_{12} & t_r \\ a_{21} & a_{22} & t_c \\ 0 & 0 & 1 \end{pmatrix}
#   \begin{pmatrix} r_\text{new} \\ c_\text{new} \\ 1 \end{pmatrix}$$
#
# The middle of 28 pixels lies between indices 13 and 14, at $\frac{H-1}{2} = 13.5$.

# %% exercise
from minicnn.data.augmentation import warp

# %% [markdown]
# Two maps are enough for us. A picture that moves *down* by $d$: its new pixel at row $r$ was at
# row $r - d$ before. The minus surprises everybody once. A **shift** therefore is
# $t_r = -d$, $t_c = -e$ with ones on the diagonal, which leave the rest as it is.

# %% exercise
from minicnn.data.augmentation import shift

# %% [markdown]
# A **turn** counterclockwise by the angle $\varphi$: in school, with $y$ upwards, turning *back* by
# $\varphi$ is $x_\text{old} = \cos\varphi\;x + \sin\varphi\;y$ and
# $y_\text{old} = -\sin\varphi\;x + \cos\varphi\;y$. Our columns are $x = c$, but rows count
# downwards, $y = -r$. Put that in:
#
# $$c_\text{old} = \cos\varphi\;c - \sin\varphi\;r, \qquad
#   r_\text{old} = \sin\varphi\;c + \cos\varphi\;r$$

# %% exercise
from minicnn.data.augmentation import rotate

# %%
seven = train.scaled([15])
moves = {
    "as it is": shift([0.0], [0.0]),
    "4 down, 6 right": shift([4.0], [6.0]),
    "30° counterclockwise": rotate([30.0]),
    "turned, then shifted": rotate([30.0]) @ shift([4.0], [6.0]),
    "shifted, then turned": shift([4.0], [6.0]) @ rotate([30.0]),
}
figure, axes = plt.subplots(1, 5, figsize=(11, 2.6), layout="constrained")
for panel, (name, maps) in zip(axes, moves.items(), strict=True):
    panel.imshow(warp(seven, maps)[0, :, :, 0], cmap="gray")
    panel.axhline(13.5, color="tab:orange", linewidth=0.7)
    panel.axvline(13.5, color="tab:orange", linewidth=0.7)
    panel.set(title=name, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# `@` joins maps, and the order matters. Joining first and interpolating once also keeps a picture
# sharp: each interpolation is a mean, and means blur. Turn a digit by 30° twelve times and it is
# back where it began, or what is left of it:

# %%
twelve_times, joined = seven, rotate([0.0])
for _ in range(12):
    twelve_times = warp(twelve_times, rotate([30.0]))
    joined = joined @ rotate([30.0])
results = {
    "the digit": seven,
    "12 turns, 12 interpolations": twelve_times,
    "12 turns joined, 1 interpolation": warp(seven, joined),
}
figure, axes = plt.subplots(1, 3, figsize=(8, 2.9), layout="constrained")
for panel, (name, image) in zip(axes, results.items(), strict=True):
    panel.imshow(image[0, :, :, 0], cmap="gray", vmin=0, vmax=1)
    panel.set(title=name, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Never the same picture again
#
# How far may we go? A digit must stay what it is: turned by 180° a six is a nine. Two pixels and
# ten degrees are safe, and people write with as much difference.


# %%
def moved(images, rng):
    """Each picture turned by up to 10° and shifted by up to 2 pixels."""
    angle = rng.uniform(-10, 10, len(images))
    down, right = rng.uniform(-2, 2, (2, len(images)))
    return warp(images, rotate(angle) @ shift(down, right))


rng = np.random.default_rng(1)
figure, axes = plt.subplots(4, 10, figsize=(10, 4.4), layout="constrained")
for row, index in zip(axes, (0, 1, 2, 7), strict=True):
    copies = moved(np.repeat(train.scaled([index]), 9, axis=0), rng)
    for panel, image in zip(row, [train.scaled([index])[0], *copies], strict=True):
        panel.imshow(image[:, :, 0], cmap="gray", vmin=0, vmax=1)
        panel.set(xticks=[], yticks=[])
axes[0, 0].set_title("given")
axes[0, 5].set_title("what an epoch may show instead")
plt.show()

# %% [markdown]
# `fit` calls the function with every training batch. The validation pictures stay as they are: the
# exam is not to be changed along with the lessons.

# %%
with kernels.use(dropout_mask=dropout_mask):
    histories["dropout and moved pictures"] = train_net(rate=0.5, augment=moved)

figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
for panel, (name, history) in zip(axes, histories.items(), strict=True):
    right = np.mean(history["val_accuracy"][-5:])
    draw_gap(panel, history, f"{name}\n{right:.1%} of the validation set right")
axes[0].set_ylabel("loss")
axes[0].legend(loc="upper center")
figure.suptitle("The gap between what was learnt and what was only remembered")
plt.show()

# %% [markdown]
# From left to right the blue curve gets *worse* and the orange one better, and the gap closes. That
# is the bargain: learning by heart becomes harder, so that only what is true of digits in general
# helps. Both curves are measured in the same exam, with dropout off and on pictures that have not
# been moved; the loss that `fit` reports while it trains is that of the harder lessons.
#
# The same on the accuracies, of the three nets side by side:

# %%
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
for (name, history), colour in zip(histories.items(), ("0.6", "0.3", "tab:green"), strict=True):
    axes.plot(np.arange(1, 31), history["val_accuracy"], color=colour, label=name)
axes.set(title="The same 1,000 digits, three ways to learn them", xlabel="epoch", ylim=(0.85, 1))
axes.set_ylabel("validation digits right")
axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
axes.grid(alpha=0.3)
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# ## What you have now
#
# - A way to *see* memorising: the gap between the two losses.
# - Dropout: a random mask, scaled so that the expected value stays.
# - Augmentation: any move of a picture as one matrix, read between the pixels, interpolated once.
#
# ## Try this
#
# 1. **How far is too far?** Let `moved` turn by up to 45°, then by up to 180°. Which digits does
#    the net then take for each other? (`minicnn.metrics.confusion_matrix` counts it.)
# 2. **A zoom** is a map too: ones become $\frac{1}{z}$ in two places. Which two? Write `zoom`, join
#    it to the others, and see whether validation gets better still.
# 3. Train all three with 10,000 digits instead of 1,000, and again with 200. When is it worth it?
#
# Next comes speed: the same net, many times faster, with loops that you write yourself.
