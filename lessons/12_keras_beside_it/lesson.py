# %% [markdown]
# # Keras beside it
#
# Your engine trains, and its gradients are measured. But is it *right*? Everything so far was
# checked against itself. In this lesson another engine comes to the table: Keras, which thousands
# of people use. The same layers, the same digits, side by side:
#
# - Do the same weights give the same answers? Then forward is right.
# - Does the same training give as good a net? Then backward and the optimizer are right too.
# - And where the two nets differ, who of them is wrong, and on what?
#
# TensorFlow is large, so you do not need it here. A small net was trained in Keras beforehand (the
# script stands beside this lesson, `train_in_keras.py`) and saved as Keras saves it, in
# `keras_cnn.h5`. We read that file with `h5py` alone.

# %%
import json

import h5py
import matplotlib.pyplot as plt
import numpy as np

import minicnn as mc
from minicnn import nn, optim
from minicnn.learn import library

train, test = mc.data.mnist()
here = library.lesson(12).folder
with h5py.File(here / "keras_cnn.h5") as file:
    layers = json.loads(file.attrs["model_config"])["config"]["layers"]
    groups = file["model_weights"]
    # Keras notes the order of a layer's arrays in an attribute; h5py itself goes by the alphabet.
    theirs = {
        name: [groups[name][each][()] for each in groups[name].attrs["weight_names"]]
        for name in groups.attrs["layer_names"]
    }
for layer in layers:
    name = layer["config"]["name"]
    print(f"{layer['class_name']:13} {name:16}", [a.shape for a in theirs.get(name, [])])

# %% [markdown]
# ## Two engines, one set of weights
#
# To carry weights across sounds like copying. But every engine has made its own decisions:
#
# | | Keras, minicnn | PyTorch |
# | --- | --- | --- |
# | a batch of pictures | `(N, H, W, C)` | `(N, C, H, W)` |
# | kernels of a convolution | `(KH, KW, C, F)` | `(F, C, KH, KW)` |
# | weight of a dense layer | `(in, out)` | `(out, in)` |
# | kernel turned by half? | no | no |
# | arrays of batch normalisation | γ, β, mean, variance | γ, β, mean, variance |
#
# minicnn decided as Keras did, so each array crosses as it is. What is left is names: Keras gives a
# *list* for each layer, in a fixed order; minicnn wants a *dict*, `"conv2d.weight"` and so on. And
# since a file may come from anywhere, look at what you are given before you take it.

# %% exercise
from minicnn.bridge.keras_model import named_arrays

# %% [markdown]
# With your function the file becomes a model of ours. Keras's net ended in a softmax; ours end in
# the scores before it, the logits, because the loss takes softmax along. `mc.evaluate` gives the
# probabilities.


# %%
def small_cnn(rng=0):
    return nn.Sequential(
        nn.Conv2D(8, 3, activation="relu", name="conv2d"),
        nn.MaxPool2D(2),
        nn.Conv2D(16, 3, activation="relu", name="conv2d_1"),
        nn.MaxPool2D(2),
        nn.Flatten(),
        nn.Dense(10, name="dense"),
        input_shape=(28, 28, 1),
        rng=rng,
    )


def with_weights(change=lambda array: array):
    model, weights = small_cnn(), {}
    for layer in model.layers:
        arrays = [change(array) for array in theirs.get(layer.name, [])]
        weights |= named_arrays(layer, arrays)
    model.set_weights(weights)
    return model


keras_net = with_weights()
keras_said = np.load(here / "keras_answers.npy")  # Keras's own answers for the first 500
probabilities = mc.evaluate(keras_net, test[:500]).probabilities
print(f"the largest difference of {keras_said.size:,} probabilities:", end=" ")
print(f"{np.abs(probabilities - keras_said).max():.0e}")

# %% [markdown]
# The same, up to the rounding of float32 (about $10^{-7}$ for each operation). That is as good as a
# proof of the forward pass.
#
# And if a mistake had crept in? No error would tell you. Everything that has the right *shape* is
# accepted, and the net just knows less:

# %%
wrong_ways = {
    "as they are": lambda a: a,
    "kernels turned by half": lambda a: a[::-1, ::-1] if a.ndim == 4 else a,
    "kernels transposed": lambda a: a.swapaxes(0, 1) if a.ndim == 4 else a,
    "dense: channels before places": lambda a: (
        a.reshape(5, 5, 16, 10).transpose(2, 0, 1, 3).reshape(400, 10) if a.ndim == 2 else a
    ),
}
for name, change in wrong_ways.items():
    accuracy = mc.evaluate(with_weights(change), test).accuracy
    print(f"{name:30} {accuracy:6.1%} of 10,000 digits are right")

# %% [markdown]
# Had you never seen the first line, would you have looked for a bug, or trained for longer? That is
# why one compares numbers, not accuracies.
#
# ## The same training
#
# Now train it ourselves: the same layers, Adam with the same rate, batches of 128, three epochs of
# 60,000 digits. Twice, with two seeds; you will see what the second one is for.

# %%
nets = {"Keras": keras_net}
for name, seed in ("ours", 1), ("ours, again", 2):
    nets[name] = small_cnn(rng=seed)
    settings = {"epochs": 3, "batch_size": 128, "validation": None, "progress": False}
    mc.fit(nets[name], train, optimizer=optim.Adam(1e-3), rng=seed, **settings)

found = {name: mc.evaluate(net, test) for name, net in nets.items()}
answers = {name: each.probabilities.argmax(axis=1) for name, each in found.items()}
for name, each in found.items():
    right = int((answers[name] == test.labels).sum())
    low, high = mc.metrics.wilson_interval(right, len(test))
    print(f"{name:12} {each.accuracy:.2%}   (of so many digits that means {low:.1%} to {high:.1%})")

# %% [markdown]
# The intervals say how far chance alone may carry a result on 10,000 digits. If they overlap
# widely, nobody is better.
#
# ## Who takes what for what
#
# One number for 10,000 answers hides everything that is interesting. A **confusion matrix** shows
# it: row by row the true digits, column by column what they were taken for.

# %% exercise
from minicnn.metrics import confusion_matrix

# %% [markdown]
# The right answers stand on the diagonal, thousands of them; they are left pale, so that the
# mistakes can be seen.

# %%
matrices = {name: confusion_matrix(test.labels, answers[name], 10) for name in ("Keras", "ours")}
most = max((matrix - np.diag(matrix.diagonal())).max() for matrix in matrices.values())

figure, axes = plt.subplots(1, 2, figsize=(11, 6.2), layout="constrained")
for axis, (name, matrix) in zip(axes, matrices.items(), strict=True):
    mistakes = np.where(np.eye(10, dtype=bool), 0, matrix)
    axis.imshow(mistakes, cmap="Oranges", vmin=0, vmax=most)
    for (true, taken), count in np.ndenumerate(matrix):
        colour = "0.65" if true == taken else "white" if count > 0.6 * most else "black"
        if count:
            axis.text(taken, true, count, ha="center", va="center", color=colour, fontsize=8)
    axis.set(xticks=range(10), yticks=range(10), xlabel="taken for", ylabel="is")
    axis.set_title(f"{name}: {mistakes.sum()} mistakes in 10,000")
plt.show()

for name, matrix in matrices.items():
    off = np.where(np.eye(10, dtype=bool), 0, matrix)
    worst = [divmod(int(i), 10) for i in np.argsort(-off, axis=None)[:4]]
    print(f"{name:6}", ", ".join(f"{t} taken for {p}: {off[t, p]}" for t, p in worst))

# %% [markdown]
# ## The worst mistakes
#
# Some mistakes are worse than others: those of which the net was *sure*. They deserve a look, one
# by one. Either the digit is badly written, or the label is wrong (there are such in MNIST), or the
# net has learned something that it should not.

# %% exercise
from minicnn.metrics import worst_mistakes

# %% [markdown]
# Above each stands what it is, and what it was taken for.

# %%
worst = {name: worst_mistakes(test.labels, found[name].probabilities)[:25] for name in matrices}

figure = plt.figure(figsize=(11, 6.4), layout="constrained")
for part, (name, places) in zip(figure.subfigures(1, 2, wspace=0.06), worst.items(), strict=True):
    part.suptitle(f"the worst of {name}")
    for axis in part.subplots(5, 5).flat:
        axis.set_axis_off()
    for axis, place in zip(part.axes, places, strict=False):
        both = place in worst["Keras"] and place in worst["ours"]
        axis.imshow(test.images[place, :, :, 0], cmap="gray_r")
        title = f"{test.labels[place]} → {answers[name][place]}"
        axis.set_title(title, fontsize=9, color="tab:red" if both else "black")
plt.show()
common = len({*worst["Keras"].tolist()} & {*worst["ours"].tolist()})
print(f"{common} of 25 are in both lists (red): hard for any net, or wrongly labelled")

# %% [markdown]
# ## Where the two disagree
#
# So the two engines give nets that are equally good, and still not the same: they started from
# other random weights and saw the batches in another order. How different are they? The third net
# tells, which is ours as well, with another seed. If two nets of *one* engine differ as much as
# nets of two engines do, then the engine does not matter.

# %%
pairs = [("Keras", "ours"), ("ours", "ours, again")]
print(
    f"{'':24}{'both right':>12}{'first only':>12}{'second only':>13}{'both wrong':>12}{'differ':>9}"
)
for one, other in pairs:
    first, second = answers[one] == test.labels, answers[other] == test.labels
    cells = (first & second), (first & ~second), (~first & second), (~first & ~second)
    counts = [int(cell.sum()) for cell in cells]
    differ = int((answers[one] != answers[other]).sum())
    print(
        f"{one + ' / ' + other:24}{counts[0]:12}{counts[1]:12}{counts[2]:13}{counts[3]:12}"
        f"{differ:9}"
    )

# %% [markdown]
# And here is what they quarrel about: the digits on which Keras and ours differ, the fiercest first
# (both are sure, of different things).

# %%
confidence = {name: found[name].probabilities.max(axis=1) for name in nets}
differ = np.flatnonzero(answers["Keras"] != answers["ours"])
both_sure = np.minimum(confidence["Keras"], confidence["ours"])[differ]
fiercest = differ[np.argsort(-both_sure)][:18]

figure, axes = plt.subplots(3, 6, figsize=(10, 6.6), layout="constrained")
for axis in axes.flat:
    axis.set_axis_off()
for axis, place in zip(axes.flat, fiercest, strict=False):
    is_, keras, ours = test.labels[place], answers["Keras"][place], answers["ours"][place]
    winner = {keras: "tab:orange", ours: "tab:blue"}.get(is_, "0.4")
    axis.imshow(test.images[place, :, :, 0], cmap="gray_r")
    axis.set_title(f"Keras {keras}, ours {ours}\nit is a {is_}", fontsize=9, color=winner)
figure.suptitle("Where they disagree (orange: Keras is right, blue: ours, grey: neither)")
plt.show()

together = (found["Keras"].probabilities + found["ours"].probabilities) / 2
print(f"the mean of both: {(together.argmax(axis=1) == test.labels).mean():.2%}")

# %% [markdown]
# Look at the last line. Two nets that err on *different* digits are worth more together than each
# of them alone. That is an ensemble, and it is why people who must have the last tenth of a percent
# train fifteen nets.
#
# ## What you have now
#
# - Weights cross between engines, if axes, order and names agree; that they do is proven by equal
#   *numbers*, not by a good accuracy.
# - A confusion matrix says what is taken for what; the worst mistakes say why.
# - Before you believe that A is better than B, look how much A differs from A with another seed.
#
# ## Try this
#
# 1. If you have TensorFlow: `twin = mc.to_keras(keras_net)` is a live Keras model again, and
#    `print(mc.compare_layers(keras_net, twin, test.scaled(slice(100))))` compares layer by layer.
#    Turn the kernels of one layer round, and see which line tells you.
# 2. Train five nets with five seeds, and let them vote. How good are they together? Where do all
#    five err, and would you have read those?
#
# So far every digit came cut out and centred. On paper they do not. Lesson 13 finds them there.
