# %% [markdown]
# # Convolution
#
# A kernel slides over the picture. At each place the pixels under it are multiplied by its weights,
# number by number, and summed: one window, one number. Written as loops that is slow; laid out as a
# matrix, all windows at once, it is a single matrix product.

# %%
import matplotlib.pyplot as plt
import numpy as np

# %% [markdown]
# ## Windows as rows
#
# A picture of 3×3 and a window of 2×2: there are four places, so four rows of four numbers.

# %% exercise
from minicnn.kernels.reference.windows import im2col

# %%
x = np.arange(9.0).reshape(1, 3, 3, 1)
columns = im2col(x, (2, 2))
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
left.imshow(x[0, :, :, 0], cmap="Blues")
left.set_title("picture")
right.imshow(columns.reshape(4, 4), cmap="Blues")
right.set_title("a window in each row")
plt.show()

# %% [markdown]
# ## The convolution
#
# With the windows as rows of a matrix and the kernels as its columns, the convolution is `@`.

# %% exercise
from minicnn.kernels.reference.convolution import conv2d

# %%
edges = np.array([[-1.0, 1.0]]).reshape(1, 2, 1, 1)
print(conv2d(x, edges, np.zeros(1))[0, :, :, 0])
