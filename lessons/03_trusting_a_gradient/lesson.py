# %% [markdown]
# # Trusting a gradient
#
# A wrong gradient does not crash. The net still learns a little, the curves look tired, and you
# spend a week turning the learning rate. So whoever writes rules needs an instrument that says, of
# any rule, *this is a slope* or *this is none*. It needs nothing but the definition of a slope. In
# this lesson you build it, learn how far it can be trusted itself, and convict four culprits with
# it.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minicnn as mc
from minicnn import Tensor, op

BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"

# %% [markdown]
# ## A slope, by trying it
#
# The definition of school: take a small step $\epsilon$, see how far $f$ moves.
#
# $$f'(x) \approx \frac{f(x + \epsilon) - f(x)}{\epsilon}$$
#
# How wrong is that? Taylor's series knows: $f(x + \epsilon) = f(x) + \epsilon f'(x) +
# \tfrac{\epsilon^2}{2} f''(x) + \tfrac{\epsilon^3}{6} f'''(x) + \dots$ Put it in, and what is too
# much is
#
# $$\frac{\epsilon}{2} f''(x) + \dots,$$
#
# as small as $\epsilon$. Now step to *both* sides. In $f(x + \epsilon) - f(x - \epsilon)$ all even
# terms cancel, $f''$ among them:
#
# $$f'(x) \approx \frac{f(x + \epsilon) - f(x - \epsilon)}{2 \epsilon}
# \qquad \text{is off by} \qquad \frac{\epsilon^2}{6} f'''(x) + \dots$$
#
# These **central differences** cost the same two evaluations, and with $\epsilon = 10^{-3}$ they
# are off by a millionth instead of a thousandth.
#
# For an array $x$ of many numbers, do it for one number after the other, while all others stay as
# they are; every one gives one number of the gradient. `f` takes the whole array and returns a
# single number. The caller's $x$ must stay as it is, and may hold whole numbers or float32, which
# would cut off so small a step: so work on a copy in float64.

# %% exercise
from minicnn.gradient_check import numerical_gradient

# %% [markdown]
# A first try, where the answer is known. For $f(x) = \sum x_i^3$ the gradient is $3 x_i^2$:

# %%
x = np.array([[1.0, 2.0], [3.0, -4.0]])
print(numerical_gradient(lambda x: (x**3).sum(), x))
print(3 * x**2)

# %% [markdown]
# ## How small is small?
#
# The smaller $\epsilon$, the smaller the error? Not on a computer. A float64 has about 16 digits, a
# float32 about 7: every value of $f$ is rounded, by about $u \cdot |f|$ with $u = 10^{-16}$ or $6
# \cdot 10^{-8}$. The difference of two nearly equal values keeps that error and loses nearly
# everything else, and then it is divided by a small number. So
#
# $$\text{error} \;\approx\;
# \underbrace{\frac{\epsilon^2}{6} |f'''|}_{\text{the curve is not straight}} \;+\;
# \underbrace{\frac{u\,|f|}{\epsilon}}_{\text{digits are lost}}.$$
#
# One term falls with $\epsilon$, the other grows: on logarithmic axes that is a **V**. Here it is,
# by your function, for $f(x) = e^{\sin x}$ at forty places; and the one-sided formula for
# comparison.


# %%
def g(x):
    return np.exp(np.sin(x))


def rounded_to(dtype):
    """`g` of one number, as a net of that dtype computes it."""
    return lambda x: g(dtype(x[0]))


places = np.linspace(-2.0, 2.0, 40)
exact = np.cos(places) * g(places)
steps = 10.0 ** np.arange(-13, 0.1, 0.25)

figure, panels = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True, layout="constrained")
for axes, dtype in zip(panels, (np.float32, np.float64)):
    at = places.astype(dtype)
    central, one_sided = [], []
    for epsilon in steps.astype(dtype):
        both = [numerical_gradient(rounded_to(dtype), at[i : i + 1], epsilon) for i in range(40)]
        central.append(np.median(np.abs(np.concatenate(both) - exact)))
        one_sided.append(np.median(np.abs((g(at + epsilon) - g(at)) / epsilon - exact)))
    u = np.finfo(dtype).eps / 2
    axes.loglog(steps, one_sided, color="gray", label="one-sided")
    axes.loglog(steps, central, color=BLUE, linewidth=2.5, label="central: yours")
    axes.loglog(steps, steps**2 / 6, "--", color=ORANGE, label="ε² / 6: not straight")
    axes.loglog(steps, u / steps, "--", color=GREEN, label="u / ε: digits lost")
    best = steps[np.argmin(central)]
    axes.axvline(best, color=BLUE, linewidth=0.8, linestyle=":")
    axes.set_title(f"{np.dtype(dtype)}: best at ε ≈ {best:.0e}")
    axes.set(xlabel="step ε", ylim=(1e-13, 1e2), xticks=[1e-12, 1e-9, 1e-6, 1e-3, 1])
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("error of the slope")
panels[0].legend(frameon=False, loc="lower left")
figure.suptitle("The V: too large a step is not straight, too small a step has no digits left")
plt.show()

# %% [markdown]
# Read three things from it. The bottom of the V is where both terms are equal, near $\epsilon =
# \sqrt[3]{u}$: about $10^{-5}$ in float64, and nowhere near so small in float32. In float64 ten
# digits can be trusted, in float32 five at best: **gradients are checked in float64**, even if the
# net then runs in float32. And one-sided differences are worse everywhere that matters.
#
# ## Backward against the numbers
#
# In lesson 2 you asked a seven which of its pixels make it wider. Does the picture that came back
# tell the truth? Your instrument asks 784 pixels one by one, and knows nothing of rules.

# %%
train, _ = mc.data.mnist()
digit = train.images[train.labels == 7][2, :, :, 0] / 255
j = np.arange(28.0)


def width(x):
    ink = x.sum()
    centre = (x * j).sum() / ink
    return (x * (j - centre) ** 2).sum() / ink


x = Tensor(digit, requires_grad=True)
width(x).backward()
numerical = numerical_gradient(width, digit.copy())

figure, panels = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
largest = np.abs(x.grad).max()
for axes, gradient in zip(panels, (x.grad, numerical)):
    image = axes.imshow(gradient, cmap="PuOr_r", vmin=-largest, vmax=largest)
figure.colorbar(image, ax=panels[:2], shrink=0.8, ticks=[-2, -1, 0, 1, 2])
billionths = np.abs(x.grad - numerical) * 1e9
image = panels[2].imshow(billionths, cmap="Greys", vmin=0)
figure.colorbar(image, ax=panels[2], shrink=0.8, ticks=range(20))
for axes, title in zip(panels, ("backward, 1 run", "yours, 1,568 runs", "apart, in billionths")):
    axes.set(title=title, xlabel="column", xticks=[0, 10, 20], yticks=[0, 10, 20])
panels[0].set_ylabel("row")
plt.show()

# %% [markdown]
# The same picture, up to the ninth or tenth digit; what is left over is noise, the green side of
# the V.
#
# ## Find the culprits
#
# A colleague has written eight ops for you. Four of them have a mistake. **Read them first and
# write down your four suspects**; a few look guilty and are not.


# %%
@op
def sine(x):
    return np.sin(x), lambda dy: dy * np.cos(x)


@op
def cosine(x):
    return np.cos(x), lambda dy: dy * np.sin(x)


@op
def hyperbolic(x):
    y = np.tanh(x)
    return y, lambda dy: dy * (1 - y) ** 2


@op
def softplus(x):
    return np.log(1 + np.exp(x)), lambda dy: dy / (1 + np.exp(-x))


@op
def centred(x):
    return x - x.mean(), lambda dy: dy - dy.mean()


@op
def unit_length(x):
    length = np.sqrt((x * x).sum())
    return x / length, lambda dy: dy / length


@op
def running_sum(x):
    return np.cumsum(x), lambda dy: np.cumsum(dy[::-1])[::-1]


@op
def mean_square(x):
    return (x * x).mean(), lambda dy: dy * 2 * x


SUSPECTS = [sine, cosine, hyperbolic, softplus, centred, unit_length, running_sum, mean_square]

# %% [markdown]
# Now the trial. Your function needs a single number, and most of these ops return many. So weight
# them, by *random* numbers $dy$: $f(x) = \sum_i dy_i \cdot y_i(x)$. That is just what a rule is
# asked: for its $dy$. Plain ones would be a bad choice: the sum of `centred` is always zero, its
# gradient is zero too, and a mistake there would go free.

# %%
rng = np.random.default_rng(0)


def trial(suspect):
    """What the rule claims, and what is measured."""
    x = Tensor(rng.uniform(0.5, 2.0, 6), requires_grad=True)
    y = suspect(x)
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    return x.grad, numerical_gradient(lambda a: (suspect(a).data * dy).sum(), x.data.copy())


trials = [trial(suspect) for suspect in SUSPECTS]
errors = [np.abs(claim - seen).max() / np.abs(seen).max() for claim, seen in trials]

figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
names = [suspect.__name__ for suspect in SUSPECTS]
axes.barh(names, errors, color=[ORANGE if e > 1e-6 else BLUE for e in errors])
axes.axvline(1e-6, color="gray", linestyle="--")
axes.text(1.4e-6, -0.75, "guilty", color=ORANGE)
axes.text(7e-7, -0.75, "innocent", color=BLUE, ha="right")
axes.set(xscale="log", xlim=(1e-12, 10), ylim=(7.5, -1.2), xticks=[1e-12, 1e-9, 1e-6, 1e-3, 1])
axes.set(
    title=f"{sum(e > 1e-6 for e in errors)} of 8 rules are no slopes",
    xlabel="relative error of the rule",
)
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# There is no need for a fine threshold: right is $10^{-9}$, wrong is about 1, and nothing lies
# between. Were your four among the guilty?
#
# Now find out *what* is wrong. The ratio of rule and measurement, number by number, tells a lot: −1
# everywhere is a lost minus, the same constant everywhere a factor, and a ratio that changes from
# number to number a term that is wrong or missing.

# %%
for name, error, (claim, seen) in zip(names, errors, trials):
    if error > 1e-6:
        print(f"{name:12}", np.array2string(claim / seen, precision=3))

# %% [markdown]
# **Your turn:** mend the four rules above, in their cell, and run the trial again until all bars
# are blue. (Not in a list of exercises, because the bars tell you all that a check could say. The
# hard one is `unit_length`: its length depends on $x$ too. Derive it for one $y_i = x_i / \ell$
# with $\partial \ell / \partial x_k = x_k / \ell$.)
#
# ## A million weights, two evaluations
#
# One number after the other: that is two runs of the net for every weight. For a net of 600,000
# weights that is more than a million runs. But there is a question that costs two runs however
# large $x$ is: how steep is $f$ **along a direction** $v$?
#
# $$\frac{f(x + \epsilon v) - f(x - \epsilon v)}{2 \epsilon} \;\approx\;
# \sum_i \frac{\partial f}{\partial x_i}\, v_i$$
#
# On the left nothing but two values of $f$. On the right is the gradient that `backward` claims,
# multiplied by $v$ and summed. If $v$ is random, then a gradient that is wrong *anywhere* gives a
# wrong sum, nearly surely. Write the left side.

# %% exercise
from minicnn.gradient_check import directional_derivative

# %% [markdown]
# Forty random directions through the seven, all 784 pixels at once. On the left the gradient of
# `backward`. On the right one with a mistake of the kind that is really made: who wrote it took the
# ink in the denominator for a constant.

# %%
x = Tensor(digit, requires_grad=True)
width(x).backward()
right = x.grad
ink, centre = digit.sum(), (digit * j).sum() / digit.sum()
wrong = np.broadcast_to((j - centre) ** 2 / ink, digit.shape)

directions = rng.standard_normal((40, 28, 28))
measured = np.array([directional_derivative(width, digit, v) for v in directions])

figure, panels = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True, layout="constrained")
for axes, gradient, title in zip(panels, (right, wrong), ("backward", "ink taken for constant")):
    claimed = (gradient * directions).sum(axis=(1, 2))
    error = np.abs(claimed - measured).max() / np.abs(measured).max()
    limit = 1.15 * np.abs(measured).max()
    axes.plot([-limit, limit], [-limit, limit], color="gray", linewidth=0.8)
    axes.plot(claimed, measured, "o", color=ORANGE if error > 1e-6 else BLUE, alpha=0.7)
    axes.set(title=f"{title}: off by {error:.0e}", xlabel="claimed: sum of gradient · v")
    axes.set(xticks=[-50, 0, 50], yticks=[-50, 0, 50])
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("measured: slope along v")
plt.show()

# %% [markdown]
# One direction would have been enough to tell them apart; and that took two runs instead of 1,568.
#
# ## What you have now
#
# - An instrument that judges any rule, and the habit to use it: **float64, central differences,
#   random `dy`**.
# - You know what it can see: about nine digits, from the bottom of the V.
# - A version for nets of any size. `mc.gradcheck(f, *inputs)` joins the two, names the element that
#   is off, and takes directions when an array is large.
#
# ## Try this
#
# - Try the trial with `x` around 0 and the op `np.abs`, rule `dy * np.sign(x)`. When does a right
#   rule look guilty? (Take an $x_i$ that is smaller than $\epsilon$.)
# - What does the V look like for $f(x) = x^2$? Think first: what is $f'''$?
#
# **Next:** the op that does nearly all the work in a net, the matrix product; and the kink that
# makes nets more than matrices. You have the means to trust your rules for both.
