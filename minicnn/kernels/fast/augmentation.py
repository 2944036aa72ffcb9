"""Pictures changed at random, one after the other, each while it is in the cache."""

import numpy as np
from numba import prange

from minicnn.kernels.checking import checked
from minicnn.kernels.fast.parallel import (
    Array,
    contiguous,
    inner,
    parallel,
    product_threads,
    run,
    share,
)

# Places are float64, so that they fall between the same pixels as the reference's. A loop touches
# few arrays: of more LLVM would not find out whether they overlap, and use no vectors. Whole places
# are unsigned, since an index that might be negative costs a comparison each time.

PRODUCTS = 40
"""Multiplications that a pixel costs, about."""


@inner
def _split(places, most, whole, rest):
    """Places, brought to between 0 and `most`, as the whole number below and what is left."""
    for j in range(places.size):
        place = min(places[j], most) if places[j] > 0 else 0.0  # NaN is 0
        whole[j] = np.int32(place)
        rest[j] = place - np.int32(place)


@inner
def _on_grid(size, points):
    """Where `size` pixels lie on so many points along the same way: between which, and how far."""
    whole, rest = np.empty(size, np.uint32), np.empty(size)
    _split(np.arange(size) * ((points - 1) / max(size - 1, 1)), points - 1.0, whole, rest)
    return whole, rest


@inner
def _widen(bend, whole, rest, wide):
    """One axis of a grid (GH, GW), its rows as wide as the picture, (GH, W)."""
    last = np.uint32(bend.shape[1] - 1)
    for g in range(bend.shape[0]):
        for j in range(rest.size):
            left = bend[g, whole[j]]
            wide[g, j] = left + rest[j] * (bend[g, min(whole[j] + np.uint32(1), last)] - left)


@inner
def _come_from(slope, start, wide, on_rows, part_rows, places):
    """Along one axis, where each pixel of the new picture (H, W) comes from.

    - `slope`: how far that moves on with each new row and each new column, from `start`.
    - `wide`: (GH, W), how much further away to look.
    """
    for i in range(part_rows.size):
        g = on_rows[i]
        above, below = wide[g], wide[min(g + np.uint32(1), np.uint32(wide.shape[0] - 1))]
        line, first, part = places[i], start + slope[0] * i, part_rows[i]
        for j in range(line.size):
            line[j] = first + slope[1] * j + (above[j] + part * (below[j] - above[j]))


@inner
def _read(frame, whole, rest, new):
    """Interpolate the brightness at each place."""
    pixels, goal, wide = frame.reshape(-1), new.reshape(-1), np.uint32(frame.shape[1])
    top, left, down, right = whole[0], whole[1], rest[0], rest[1]
    for p in range(goal.size):
        a = top[p] * wide + left[p]
        b = a + wide
        upper = pixels[a] + right[p] * (pixels[a + np.uint32(1)] - pixels[a])
        lower = pixels[b] + right[p] * (pixels[b + np.uint32(1)] - pixels[b])
        goal[p] = upper + down[p] * (lower - upper)


@inner
def _change_strokes(image, stroke, across):
    """Take each pixel (H, W) towards the largest or the smallest around it; across is for use."""
    height, width = image.shape
    sign = image.dtype.type(1 if stroke > 0 else -1)  # the smallest is the largest of -x
    for i in range(height):
        row, line = image[i], across[i]
        for j in range(width):
            left, right = row[max(j - 1, 0)], row[min(j + 1, width - 1)]
            line[j] = max(sign * left, sign * right, sign * row[j])
    size = image.dtype.type(abs(stroke))
    for i in range(height):
        row, line = image[i], across[i]
        above, below = across[max(i - 1, 0)], across[min(i + 1, height - 1)]
        for j in range(width):
            goal = sign * max(above[j], below[j], line[j])
            row[j] += size * (goal - row[j])


@parallel
def _augment(images, full_scale, maps, bends, strokes, boxes, y, threads):
    for t in prange(threads):
        start, stop = share(images.shape[0], t, threads)
        height, width, channels = images.shape[1:]
        grid_rows, grid_columns = bends.shape[1:3]
        on_rows, part_rows = _on_grid(height, grid_rows)
        on_columns, part_columns = _on_grid(width, grid_columns)
        wide, places = np.empty((grid_rows, width)), np.empty((height, width))
        whole = np.empty((2, places.size), np.uint32)
        rest = np.empty((2, places.size), y.dtype)
        new, across = np.empty((height, width), y.dtype), np.empty((height, width), y.dtype)
        # One pixel of zeros above and left, two below and right: as dark as all that is further.
        frame = np.zeros((height + 3, width + 3), y.dtype)
        middle = (height - 1) / 2, (width - 1) / 2
        for n in range(start, stop):
            for axis in range(2):
                slope, most = maps[n, axis], images.shape[1 + axis] + 1.0
                begin = slope[2] + middle[axis] + 1 - slope[0] * middle[0] - slope[1] * middle[1]
                _widen(bends[n, :, :, axis], on_columns, part_columns, wide)
                _come_from(slope, begin, wide, on_rows, part_rows, places)
                _split(places.reshape(-1), most, whole[axis], rest[axis])
            for c in range(channels):
                for i in range(height):
                    for j in range(width):
                        frame[i + 1, j + 1] = images[n, i, j, c]
                _read(frame, whole, rest, new)
                if strokes[n] != 0:
                    _change_strokes(new, strokes[n], across)
                new[boxes[n, 0] : boxes[n, 1], boxes[n, 2] : boxes[n, 3]] = 0
                for i in range(height):
                    for j in range(width):
                        y[n, i, j, c] = new[i, j] / full_scale


@checked
def augment(images: Array, maps: Array, bends: Array, strokes: Array, boxes: Array) -> Array:
    """See `reference.augment`."""
    full_scale, dtype = (255, np.float32) if images.dtype == np.uint8 else (1, images.dtype)
    y = np.empty(images.shape, dtype)
    amounts = map(contiguous, (maps, bends, strokes, boxes))
    threads = product_threads(PRODUCTS * images.size, len(images))
    run(_augment, contiguous(images), y.dtype.type(full_scale), *amounts, y, threads)
    return y
