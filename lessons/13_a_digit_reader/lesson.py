# %% [markdown]
# # A digit reader
#
# Your net knows one thing: a single digit, white on black, 28×28 pixels, placed as MNIST places it.
# The world hands you something else: a form with a postal code on it, five digits in a row, dark
# ink on grey paper, a shadow across. Between the two lies the work that most of a real project
# consists of, and hardly any of it is learning.
#
# The way from a picture to a number, a step each: **where is ink?** Which ink is **one digit**? Put
# each digit **where MNIST would have it**. **Ask** the net.

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from PIL import Image
from scipy import ndimage

from minicnn import fit, nn, optim
from minicnn.data import mnist
from minicnn.data.augmentation import jitter
from minicnn.reader.canvas import enlarged, paint, write
from minicnn.reader.ink import EIGHT, flattened, otsu

# %% [markdown]
# First the net. All that you built is in it: convolutions, pooling, Adam, moved pictures. Ten
# thousand digits suffice for today.

# %%
train, test = mnist()
model = nn.Sequential(
    nn.Conv2D(16, 3, activation="relu"),
    nn.MaxPool2D(2),
    nn.Conv2D(32, 3, activation="relu"),
    nn.MaxPool2D(2),
    nn.Flatten(),
    nn.Dense(64, activation="relu"),
    nn.Dense(10),
    input_shape=(28, 28, 1),
    rng=0,
)
history = fit(
    model,
    train[:10_000],
    optimizer=optim.Adam(4e-3),
    schedule=optim.one_cycle,
    epochs=4,
    batch_size=100,
    validation=train[50_000:52_000],
    augment=jitter,
    progress=False,
)
print(f"{history['val_accuracy'][-1]:.1%} of 2,000 validation digits right")

# %% [markdown]
# And something to read: five digits of the *test* set, which the net has never seen, written in a
# row and photographed: uneven light, noise, paper that is not white.

# %%
rng = np.random.default_rng(8)
chosen = [61, 33, 18, 65, 8]
grey = paint(write(test.images[chosen], rng, gap=5), rng) / np.float32(255)
answer = "".join(str(label) for label in test.labels[chosen])

figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
axes.imshow(grey, cmap="gray", vmin=0, vmax=1)
axes.set(
    title=f"The picture: {grey.shape[0]} × {grey.shape[1]} pixels of grey", xticks=[], yticks=[]
)
plt.show()

# %% [markdown]
# ## Where is ink?
#
# Ink is what stands out from the paper around it. Two functions of the engine find it, both
# standard tools. `flattened` estimates the bare paper and takes it away, so that a shadow no longer
# looks like ink. `otsu` then looks for the threshold $t$ that parts all pixels best into two heaps:
# with shares $w_0, w_1$ and means $\mu_0, \mu_1$ of the heaps, it makes the variance between them,
# $w_0 w_1 (\mu_0 - \mu_1)^2$, as large as possible.

# %%
strength = flattened(grey)
threshold = otsu(strength)
mask = strength > threshold

figure, (left, right) = plt.subplots(
    1, 2, figsize=(10, 2.4), width_ratios=(2, 3), layout="constrained"
)
left.hist(strength.ravel(), bins=60, color="tab:blue")
left.axvline(threshold, color="tab:orange", label="Otsu's threshold")
left.set(title="Paper left, ink right", xlabel="how far a pixel stands out", ylabel="pixels")
left.set_yscale("log")
left.legend()
right.imshow(mask, cmap="gray_r")
right.set(title="The mask: is it ink?", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Which ink is one digit?
#
# Pixels of ink that touch belong together: a **connected piece**. Touching at a corner counts too,
# since a thin slanted stroke is a staircase of corners. `ndimage.label` gives every piece a number.
# But a piece is not always a digit: a five may have lost its bar, and dust is a piece as well.
#
# What belongs to one digit lies *above or below* each other. So forget the rows, and look at which
# columns each piece covers, as intervals on a line. Walk from left to right. The next piece covers
# the columns $[l, r)$, the digit so far $[a, b)$; since $a \le l$, they share $\min(b, r) - l$
# columns. If that is at least half of the narrower one,
#
# $$2\,\bigl(\min(b, r) - l\bigr) \;\ge\; \min(b - a,\; r - l),$$
#
# the piece is a part of the digit, which now ends at $\max(b, r)$. Else a new digit begins. Why
# half, and not any overlap? Slanted neighbours reach over each other's edge, and stay two digits.

# %% exercise
from minicnn.reader.segmentation import grouped

# %%
pieces = {"5's body": (2, 14), "5's bar": (8, 17), "a leaning 7": (15, 28), "1": (32, 35)}
left, right = np.array([*pieces.values()]).T
numbers = grouped(left, right)

figure, axes = plt.subplots(figsize=(6.5, 2.4), layout="constrained")
for place, (name, start, stop) in enumerate(zip(pieces, left, right, strict=True)):
    axes.barh(place, stop - start, left=start, color=f"C{numbers[place]}")
    axes.text(stop + 0.5, place, f"{name}: digit {numbers[place]}", va="center")
axes.set(title="Four pieces, and the digit that each is a part of", xlabel="column", xlim=(0, 46))
axes.set_yticks([])
axes.invert_yaxis()
plt.show()

# %% [markdown]
# Now put it to work on the mask: label the pieces, drop the dust, group the rest. The answer is a
# picture of numbers: 1 on the pixels of the first digit, 2 on those of the second, 0 where there is
# none. How small is dust? That depends on how large the digits are: less than `SPECK` times the
# pixels of the largest piece.

# %% exercise
from minicnn.reader.segmentation import segments

# %%
numbers = segments(mask)
boxes = ndimage.find_objects(numbers)
pieces, count = ndimage.label(mask, EIGHT)
print(f"{count} pieces of ink, {len(boxes)} digits")

figure, axes = plt.subplots(1, 2, figsize=(9, 2.3), layout="constrained")
for panel, labels, name in zip(axes, (pieces, numbers), ("pieces", "digits"), strict=True):
    shown = np.ma.masked_equal(labels, 0)
    panel.imshow(shown, cmap="tab10", vmin=1, vmax=10, interpolation="none")
    panel.set(title=f"{labels.max()} {name}", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Where MNIST would have it
#
# The makers of MNIST scaled each digit so that its longer side is 20 pixels, and put its **centre
# of mass** into the middle of 28×28, which you can measure to be at index 14. Your net has never
# seen anything else, and what it has not seen it does not know.
#
# The centre of mass is the mean place of the ink. With $m_{rc}$ for the ink at row $r$, column $c$:
#
# $$\bar r = \frac{\sum_{r,c} r\,m_{rc}}{\sum_{r,c} m_{rc}}, \qquad
#   \bar c = \frac{\sum_{r,c} c\,m_{rc}}{\sum_{r,c} m_{rc}}$$

# %% exercise
from minicnn.reader.frame import centre_of_mass

# %%
figure, axes = plt.subplots(1, 5, figsize=(9, 2.7), layout="constrained")
for panel, index in zip(axes, (0, 21, 4, 33, 1), strict=True):
    digit = enlarged(test.images[index], 20)
    row, column = centre_of_mass(digit)
    panel.imshow(digit, cmap="gray")
    mass = panel.plot(column, row, "o", color="tab:orange", label="centre of mass")
    middle = (digit.shape[1] - 1) / 2, (digit.shape[0] - 1) / 2
    box = panel.plot(
        *middle, "+", color="tab:cyan", markersize=12, mew=2, label="middle of the box"
    )
    panel.set(xticks=[], yticks=[], xlim=(-0.5, 19.5), ylim=(19.5, -0.5), facecolor="black")
figure.legend(handles=[*mass, *box], loc="outside lower center", ncols=2, frameon=False)
figure.suptitle("The middle of a digit's box is not where its ink is")
plt.show()

# %% [markdown]
# A seven is heavy at its top, a six at its bottom. Now move each digit so that its centre of mass
# comes to the middle: row $\bar r$ of the small picture goes to row 14 of the frame, so its corner
# to $14 - \bar r$, rounded. A digit must not stick out of the frame; there it stops at the edge.

# %% exercise
from minicnn.reader.frame import centred


# %%
def resized(digit, longest=20):
    """The digit with its longer side of 20 pixels, each the mean of what it covers."""
    scale = longest / max(digit.shape)
    height, width = (max(1, round(n * scale)) for n in digit.shape)
    small = Image.fromarray(digit).resize((width, height), Image.Resampling.BOX)
    return np.asarray(small) / np.max(small)


ink = np.clip(strength / np.median(strength[mask]), 0, 1).astype(np.float32)
digits = [np.where(numbers == k, ink, 0)[box] for k, box in enumerate(boxes, start=1)]
frames = np.stack([centred(resized(digit)) for digit in digits])

figure, axes = plt.subplots(1, 5, figsize=(9, 2.2), layout="constrained")
for panel, frame in zip(axes, frames, strict=True):
    panel.imshow(frame, cmap="gray")
    panel.axhline(14, color="tab:orange", linewidth=0.7)
    panel.axvline(14, color="tab:orange", linewidth=0.7)
    panel.set(xticks=[], yticks=[])
figure.suptitle("What the net will see: 28 × 28, the centre of mass at 14, 14")
plt.show()

# %% [markdown]
# ## Ask
#
# All frames go through the net in one batch, $(N, 28, 28, 1)$, and softmax makes probabilities of
# the logits, as in lesson 5. The answer is the most probable class.

# %% exercise
from minicnn.reader.recognise import classify

# %%
answers, probabilities = classify(model, frames)
text = "".join(str(each) for each in answers)
print(f"read: {text}, right: {answer}")

figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
axes.imshow(grey, cmap="gray", vmin=0, vmax=1)
for (rows, columns), digit, chances in zip(boxes, answers, probabilities, strict=True):
    width, height = columns.stop - columns.start, rows.stop - rows.start
    corner = columns.start - 0.5, rows.start - 0.5
    axes.add_patch(Rectangle(corner, width, height, fill=False, color="tab:orange", linewidth=2))
    middle = (columns.start + columns.stop - 1) / 2
    axes.text(middle, -9, digit, ha="center", va="bottom", fontsize=20, color="tab:orange")
    axes.text(middle, -2, f"{chances.max():.0%}", ha="center", va="bottom", fontsize=9)
axes.set(xticks=[], yticks=[])
axes.set_title(f"Read as {text}", pad=52)
plt.show()

# %% [markdown]
# That is a digit reader. Two questions are left: was the care with the frame worth it, and how
# often is a whole string right?
#
# ## Was the frame worth it?
#
# Take 1,000 digits of the test set out of their frames and put them back in three ways: stretched
# to 20×20; with the *box* in the middle; with the *centre of mass* there.


# %%
def stretched(digit):
    """20 × 20 whatever the shape was, in the middle."""
    return np.pad(np.asarray(Image.fromarray(digit).resize((20, 20))), 4)


def box_centred(digit):
    """The box in the middle."""
    frame = np.zeros((28, 28), np.float32)
    top, left = (28 - digit.shape[0]) // 2, (28 - digit.shape[1]) // 2
    frame[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return frame


loose = [enlarged(image, 20) for image in test.images[:1000]]
ways = {"stretched": stretched, "box in the middle": box_centred, "centre of mass": centred}
wrong = {}
for name, put in ways.items():
    answers, _ = classify(model, np.stack([put(digit) for digit in loose]))
    wrong[name] = np.mean(answers != test.labels[:1000])

figure, axes = plt.subplots(figsize=(6.5, 2.2), layout="constrained")
bars = axes.barh([*wrong], [*wrong.values()], color=["0.75", "0.75", "tab:orange"])
axes.bar_label(bars, [f"{share:.1%}" for share in wrong.values()], padding=4)
axes.set(title="The same 1,000 digits, the same net, three frames", xlabel="digits read wrong")
axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
axes.margins(x=0.15)
axes.invert_yaxis()
plt.show()

# %% [markdown]
# The net is the same; only what it was shown differs. When a model that was good in the notebook is
# bad in the world, look at its inputs first.
#
# ## Whole strings
#
# If one digit in fifty is wrong, of five digits all are right in $0.98^5 \approx 90\,\%$. And a
# string has a second way to fail: the digits may be parted wrongly.


# %%
def read(picture):
    """The string on a picture of grey numbers, all steps of this lesson in a row."""
    strength = flattened(picture)
    mask = strength > otsu(strength)
    numbers = segments(mask)
    ink = np.clip(strength / np.median(strength[mask]), 0, 1).astype(np.float32)
    boxes = ndimage.find_objects(numbers)
    digits = [np.where(numbers == k, ink, 0)[box] for k, box in enumerate(boxes, start=1)]
    answers, _ = classify(model, np.stack([centred(resized(digit)) for digit in digits]))
    return "".join(str(each) for each in answers)


rng = np.random.default_rng(1)
gaps, each = (8, 4, 2, 0, -2), 100
right, parted = np.zeros(len(gaps)), np.zeros(len(gaps))
for place, gap in enumerate(gaps):
    for _ in range(each):
        some = rng.choice(len(test), 5, replace=False)
        found = read(paint(write(test.images[some], rng, gap), rng) / np.float32(255))
        right[place] += found == "".join(str(label) for label in test.labels[some])
        parted[place] += len(found) == 5

figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
axes.plot(parted / each, "o--", color="0.5", label="five digits found")
axes.plot(right / each, "o-", color="tab:orange", label="the whole string right")
axes.set_xticks(
    range(len(gaps)), [f"{gap} px" if gap >= 0 else f"overlap {-gap} px" for gap in gaps]
)
axes.set(title=f"{each} strings of five test digits at each gap", xlabel="gap", ylim=(0, 1.05))
axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# As long as there is paper between the digits, the reader is about as good as the net. When they
# touch, two digits are one piece, and no net can save what was parted wrongly. Real readers of
# postal codes therefore do not decide at once: they cut a wide piece at several places, let the net
# judge all the parts, and keep the cuts whose parts look most like digits.
#
# ## What you have now
#
# - A reader, from a photographed string of digits to its number. The engine's own,
#   `minicnn.read_digits(model, picture)`, calls the same five functions, and cuts where digits
#   touch.
# - Two lessons that hold for every trained model: it knows only what it was shown, so make the
#   input look like that; and errors multiply along a chain of steps.
#
# ## Try this
#
# 1. Write your own postal code on paper, photograph it, and open it with
#    `minicnn.reader.picture.open_picture(path).grey`. At which step does it go wrong first?
# 2. Part touching digits: where a box is much wider than high, cut it at the column with the least
#    ink, and compare the curve above with yours.
# 3. A postal code has five digits. If you know that, which mistakes can you find, and mend?
#
# This was the last lesson. The engine that trained this net is the one that you wrote:
# `minicnn train --with .` in the folder with your lessons trains on all 60,000 digits with it.
