# %% [markdown]
# # Speed
#
# Your functions are right. Are they fast? And how fast *could* they be? The second question has an
# answer, for each function and each machine, and this lesson finds it. Then you write two kernels
# that come close, in plain loops: the very thing that Python is slow at.
#
# ## Two limits
#
# Whatever a program does, two things bound it.
#
# - **Arithmetic.** The processor can do so many additions and multiplications a second, its peak
#   $P$ in FLOP/s (floating-point operations per second).
# - **Memory.** What is added has to get there first. Memory gives so many bytes a second, its
#   bandwidth $B$.
#
# Which of the two counts depends on how much is done with each byte, the *intensity* $I$ in FLOP
# per byte. The fastest that any program can go is
#
# $$\text{speed} = \min(P,\; I \cdot B)$$
#
# Drawn over $I$ on logarithmic axes this is a slope that ends in a flat ceiling: the **roofline**
# (Williams, Waterman and Patterson, 2009). Under the slope a program waits for memory, and clever
# arithmetic does not help; under the ceiling it computes, and clever memory does not help.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
from numba import prange

from minicnn import kernels
from minicnn.kernels import fast, reference
from minicnn.kernels.fast.parallel import parallel, run, share, worth_threads

rng = np.random.default_rng(0)


def best_time(call, repeats=7):
    """The shortest of some runs, in seconds: what else the machine does can only make it longer."""
    call()  # the first one also compiles, and fetches what is needed
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


# %% [markdown]
# ## A first kernel, and the slope of the roof
#
# numba compiles a Python function to machine code when it is first called. Loops then cost what
# they cost in C. `prange` is a `range` whose rounds are shared out to the threads, so here there is
# one round for each thread, and `share` says where its part begins and ends. All kernels of the
# engine have this form:


# %%
@parallel
def axpy(x, y, threads):
    """y += 3 * x"""
    for t in prange(threads):
        start, stop = share(y.size, t, threads)
        mine, out = x[start:stop], y[start:stop]
        for i in range(out.size):
            out[i] += 3 * mine[i]


# %% [markdown]
# There is no `return`: memory is asked for once, outside, and the kernel fills it. `run` calls the
# kernel; its last argument is the number of threads.
#
# `axpy` ("a times x plus y") is famous for being dull: two operations for twelve bytes, two numbers
# read and one written. On arrays too long for the processor's caches it measures nothing but
# memory. A large matrix product is the opposite: every number is used hundreds of times.

# %%
long, result = np.ones((2, 10_000_000), np.float32)
square = rng.random((384, 384), np.float32)


def limits():
    """(bytes per second, operations per second), measured."""
    moving = best_time(lambda: run(axpy, long, result, worth_threads(long.size)), 15)
    computing = best_time(lambda: square @ square, 200)
    return 12 * long.size / moving, 2 * 384**3 / computing


bandwidth, peak = limits()
print(f"memory:     {bandwidth / 1e9:6.1f} GB/s")
print(f"arithmetic: {peak / 1e9:6.1f} GFLOP/s")
print(f"the two limits meet at {peak / bandwidth:.0f} FLOP per byte")

# %% [markdown]
# Below that intensity, the processor waits. Remember the number.
#
# ## Adam in one pass
#
# Here is your Adam of lesson 6, in NumPy:
#
# ```python
# m += (1 - beta1) * (grad - m)
# v += (1 - beta2) * (grad * grad - v)
# weight -= rate * m / (np.sqrt(v) + epsilon)
# ```
#
# Each operator is a pass over whole arrays: `grad - m` reads two arrays and writes a third, which
# the next operator reads again. There are a dozen such passes, and nearly all of that traffic is
# numbers that live for a moment. What *has* to move? Read `weight`, `grad`, `m`, `v`; write
# `weight`, `m`, `v`: seven times four bytes. For about 12 operations that is
#
# $$I = \frac{12}{28} \approx 0.4 \text{ FLOP per byte,}$$
#
# far below the ridge: Adam is bound by memory. So the way to make it fast is to touch memory once.
# In a loop of your own, all that happens to number $i$ happens while it is at hand.
#
# The kernel gets `weight`, `grad`, `m` and `v` as flat arrays of one length, and changes all but
# `grad`. The numbers come ready: `rate` is the learning rate with Adam's bias correction in it,
# `share1` is $1 - \beta_1$, `share2` is $1 - \beta_2$. Begin as `axpy` does.

# %% exercise
from minicnn.kernels.fast.elementwise import _adam_step

# %% [markdown]
# The same step in three ways: as loops in Python, in NumPy, and compiled. The loops are your kernel
# as well: what you wrote is a Python function like any other, and the decorator keeps it in
# `__wrapped__`. Same text, same result; only the compiler makes the difference.


# %%
def adam_loops(weight, grad, m, v, *numbers):
    _adam_step.__wrapped__(weight, grad, m, v, *numbers, 1)


def adam_yours(weight, grad, m, v, *numbers):
    single = (np.float32(number) for number in numbers)
    run(_adam_step, weight, grad, m, v, *single, worth_threads(weight.size))


def adam_state(count):
    return [rng.random(count, np.float32) for _ in range(4)]


lr, beta1, beta2, epsilon = 1e-3, 0.9, 0.999, 1e-7
rate = lr * (1 - beta2) ** 0.5 / (1 - beta1)  # at step 1
numbers = rate, 1 - beta1, 1 - beta2, epsilon

first = adam_state(2000)
ways = [[array.copy() for array in first] for _ in range(3)]
adam_loops(*ways[0], *numbers)
reference.adam_step(*ways[1], 1, lr, beta1, beta2, epsilon)
adam_yours(*ways[2], *numbers)
print("the same:", all(np.allclose(ways[0][0], other[0], atol=1e-6) for other in ways[1:]))

# %% [markdown]
# How the time for *one* number depends on how many there are says a lot about a machine.

# %%
counts = [2**k for k in range(8, 23)]
per_number = {"NumPy": [], "yours": []}
for count in counts:
    state = adam_state(count)
    numpy_time = best_time(lambda s=state: reference.adam_step(*s, 1, lr, beta1, beta2, epsilon), 5)
    your_time = best_time(lambda s=state: adam_yours(*s, *numbers), 5)
    per_number["NumPy"].append(1e9 * numpy_time / count)
    per_number["yours"].append(1e9 * your_time / count)

small = adam_state(5000)
loops_time = best_time(lambda: adam_loops(*small, *numbers), 2) / 5000

figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
axes.axhline(1e9 * loops_time, color="tab:gray", linestyle=":", label="loops in Python")
axes.plot(counts, per_number["NumPy"], "o--", color="tab:orange", label="NumPy: a dozen passes")
axes.plot(counts, per_number["yours"], "s-", color="tab:blue", label="yours: one pass")
axes.axhline(28e9 / bandwidth, color="black", linewidth=1, label="28 bytes at this bandwidth")
axes.set(xscale="log", yscale="log", xlabel="numbers (weights of the net)")
axes.set(ylabel="nanoseconds for each number", title="A step of Adam")
axes.set_xlim(counts[0], counts[-1])
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# On the left both are dear: a call costs some microseconds, however little there is to do. In the
# middle the arrays lie in the processor's caches, which are faster than the black line. On the
# right they do not, and now the bytes count: NumPy pays for a dozen passes, you pay for one.
#
# ## Max pooling
#
# The second kernel has the loops that a window needs: picture, window, cell, channel. You have done
# it in NumPy by going from cell to cell; there each cell is a pass over the whole output. Now say
# it as you would explain it to a friend: *for every window, look at its cells, keep the largest.*
#
# `x` is $(N, H, W, C)$; `y` and `winner` are $(N, OH, OW, C)$ and yours to fill: with the largest
# number of each window, and with the number of the cell that held it, $i \cdot PW + j$ for a window
# (`pool`) of $PH \times PW$. The threads share the pictures.
#
# Four things to mind. `y` and `winner` come as memory happens to be, full of anything. With padding
# a window may begin outside (`top` rows above, `left` columns before the picture), and those cells
# do not count. Of equal numbers the first one wins. And a NaN must win, always: a kernel that loses
# it makes a broken net look healthy. Every comparison with NaN is False, so it takes an extra look.

# %% exercise
from minicnn.kernels.fast.pooling import _max_pool2d


# %%
def pool_into(x):
    """The arguments for windows of 2×2 side by side, without padding."""
    y = np.empty((len(x), x.shape[1] // 2, x.shape[2] // 2, x.shape[3]), x.dtype)
    return x, (2, 2), (2, 2), 0, 0, y, np.empty(y.shape, np.int32)


def pool_loops(x):
    arguments = pool_into(x)
    _max_pool2d.__wrapped__(*arguments, 1)
    return arguments[5:]


def pool_yours(x):
    arguments = pool_into(x)
    run(_max_pool2d, *arguments, min(len(x), worth_threads(x.size)))
    return arguments[5:]


maps = rng.standard_normal((64, 26, 26, 32), np.float32)
maps[0, 0, 0, 0] = np.nan
expected, cells = reference.max_pool2d(maps, (2, 2), (2, 2))
largest, winner = pool_yours(maps)
print("the same numbers:", np.array_equal(largest, expected, equal_nan=True))
print("the same winners:", np.array_equal(winner, cells))

# %% [markdown]
# ## Convolution
#
# The third operation you know in two ways already: the loops of lesson 7, and `im2col` with a
# matrix product. The engine's own kernel for it is compiled as well, but of another league: it cuts
# the product into tiles that fit into the processor's registers. (Read
# `minicnn/kernels/fast/simd.py` when you feel brave.) Here is the second convolution of
# `cnn_classic`: 13×13, 32 channels in, 64 out.

# %%
x = rng.standard_normal((32, 13, 13, 32), np.float32)
weight = rng.standard_normal((3, 3, 32, 64), np.float32) / 17
bias = np.zeros(64, np.float32)


def conv_loops(x, weight, bias):
    n, height, width, _ = x.shape
    y = np.empty((n, height - 2, width - 2, weight.shape[3]), x.dtype)
    for i, r, s, f in np.ndindex(y.shape):
        total = float(bias[f])
        for row, column, c in np.ndindex(weight.shape[:3]):
            total += float(x[i, r + row, s + column, c]) * float(weight[row, column, c, f])
        y[i, r, s, f] = total
    return y


columns, compiled = reference.conv2d(x, weight, bias), fast.conv2d(x, weight, bias)
corner = conv_loops(x[:1, :5, :5], weight[..., :2], bias[:2])  # 3×3 places, 2 kernels: enough
print("the same:", np.allclose(columns, compiled, atol=1e-4))
print("the same:", np.allclose(corner, columns[:1, :3, :3, :2], atol=1e-4))

# %% [markdown]
# ## On this machine's roof
#
# Now measure all nine: three operations, each in three ways. FLOPs are counted as the operation
# needs them (for pooling a comparison counts as one), bytes as the least that has to move: every
# input read once, every output written once. So all three ways of an operation stand at the same
# intensity, one above the other, and the roof above them is the best that this machine allows. The
# roof is measured once more, now, and the higher one taken: whatever else the machine does can only
# lower it.

# %%
adam_count = 4_000_000
state = adam_state(adam_count)
pool_small, conv_small = maps[:1, :, :, :8], (x[:1, :5, :5], weight[..., :2], bias[:2])
conv_flops = 2 * columns.size * weight[..., 0].size
operations = {
    "Adam": {
        "FLOP": 12 * adam_count,
        "bytes": 28 * adam_count,
        "loops": adam_count * loops_time,
        "NumPy": best_time(lambda: reference.adam_step(*state, 1, lr, beta1, beta2, epsilon), 3),
        "numba": best_time(lambda: adam_yours(*state, *numbers), 5),
    },
    "max pooling": {
        "FLOP": maps.size,
        "bytes": maps.nbytes + 2 * expected.nbytes,
        "loops": best_time(lambda: pool_loops(pool_small), 2) * maps.size / pool_small.size,
        "NumPy": best_time(lambda: reference.max_pool2d(maps, (2, 2), (2, 2)), 5),
        "numba": best_time(lambda: pool_yours(maps)),
    },
    "convolution": {
        "FLOP": conv_flops,
        "bytes": x.nbytes + weight.nbytes + columns.nbytes,
        "loops": best_time(lambda: conv_loops(*conv_small), 2) * columns.size / corner.size,
        "NumPy": best_time(lambda: reference.conv2d(x, weight, bias)),
        "numba": best_time(lambda: fast.conv2d(x, weight, bias)),
    },
}
bandwidth, peak = np.maximum((bandwidth, peak), limits())
print(f"{'':12}{'FLOP/byte':>10}{'loops':>14}{'NumPy':>12}{'numba':>12}{'numba : loops':>16}")
for name, each in operations.items():
    times = "".join(f"{1000 * each[way]:9.2f} ms" for way in ("NumPy", "numba"))
    ratio = each["loops"] / each["numba"]
    print(
        f"{name:12}{each['FLOP'] / each['bytes']:10.2f}{each['loops']:12.1f} s{times}{ratio:16,.0f}"
    )

# %%
figure, axes = plt.subplots(figsize=(10, 6), layout="constrained")
intensity = np.logspace(-1.3, 2.7, 200)
roof = np.minimum(peak, intensity * bandwidth) / 1e9
axes.plot(intensity, roof, color="black", linewidth=2)
axes.fill_between(intensity, roof, roof.max() * 6, color="0.93")
ridge = peak / bandwidth
axes.annotate(
    f"memory: {bandwidth / 1e9:.0f} GB/s",
    (intensity[0], roof[0]),
    (8, 50),
    textcoords="offset points",
)
axes.annotate(
    f"arithmetic: {peak / 1e9:.0f} GFLOP/s",
    (intensity[-1], peak / 1e9),
    (-4, 14),
    textcoords="offset points",
    ha="right",
)
axes.axvline(ridge, color="black", linestyle=":", linewidth=1)
axes.annotate(f"ridge: {ridge:.0f} FLOP/byte", (ridge * 1.06, 1.3e-4))

markers = {"loops": "v", "NumPy": "o", "numba": "s"}
words = {
    "loops": "loops in Python",
    "NumPy": "NumPy (im2col, slices)",
    "numba": "compiled with numba",
}
for (name, each), colour in zip(
    operations.items(), ("tab:orange", "tab:green", "tab:blue"), strict=True
):
    at = each["FLOP"] / each["bytes"]
    speeds = [each["FLOP"] / each[way] / 1e9 for way in markers]
    axes.plot([at] * 3, speeds, color=colour, linewidth=1, alpha=0.5)
    for marker, speed in zip(markers.values(), speeds, strict=True):
        axes.plot(at, speed, marker, color=colour, markersize=10, markeredgecolor="white")
    axes.annotate(
        name, (at, speeds[0]), (0, -20), textcoords="offset points", color=colour, ha="center"
    )
for way, marker in markers.items():
    axes.plot([], [], marker, color="0.4", markersize=9, label=words[way])
axes.set(xscale="log", yscale="log", xlim=(intensity[0], intensity[-1]))
axes.set(ylim=(1e-4, roof.max() * 6), title="Three operations, three ways, one roof")
axes.set(xlabel="intensity (FLOP per byte)", ylabel="speed (GFLOP/s)")
axes.grid(alpha=0.3)
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# How to read it; each line of the grid is a factor of ten. From loops to NumPy there are one to
# four of them: Python handles every single number as an object, NumPy a whole array at once. From
# NumPy to numba it depends. Adam and pooling stand under the slope, where bytes count, and one pass
# beats many. The convolution stands under the ceiling, where `im2col` and a good matrix product are
# hard to beat; the engine's kernel wins back what the copies of `im2col` cost.
#
# A point a little *above* the roof is no mistake: its arrays fit into a cache, which is faster than
# memory, or somebody else was at work while the roof was measured. A point far *below* it is an
# invitation. Pooling is one: it also writes the winners, and it compares number by number, where
# the processor could compare sixteen at a time.
#
# ## In the engine
#
# `kernels.use(max_pool2d=...)` takes a compiled kernel like any other. What training does most of
# its time with stands in `minicnn profile cnn_classic`; look there before you make anything fast.

# %%
print(kernels.provenance()["max_pool2d"])

# %% [markdown]
# ## What you have now
#
# - Before you make something fast: count its FLOPs and its bytes, and look how high the roof is.
# - Under the slope, touch memory once: put what belongs to one number into one loop.
# - Compiled loops cost nothing extra, so write what you mean. Give the memory from outside; share
#   the work out in fixed parts, so that the same seed gives the same bits.
#
# ## Try this
#
# 1. Put an `np.zeros(4)` inside the innermost loop of your `_max_pool2d` and measure again. Asking
#    for memory is not free.
# 2. Turn two loops of `_max_pool2d` round, the channels outside and the cells inside. It does the
#    same work; why is it slower? (Which numbers lie side by side in memory?)
#
# Your engine is right, and it is fast. Is it as *good* as the one that everybody uses? Lesson 12
# puts Keras beside it.
