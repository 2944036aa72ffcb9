# %% [markdown]
# # Convolution backward
#
# Forward, `im2col` copied every pixel into all windows that cover it. Backward, each copy brings a
# gradient home, and the pixel's own gradient is their sum.

# %%
import matplotlib.pyplot as plt
import numpy as np

# %% exercise
from minicnn.kernels.reference.windows import col2im

# %%
counts = col2im(np.ones((1, 4, 4, 9)), (1, 6, 6, 1), (3, 3))
figure, axes = plt.subplots(figsize=(3.5, 3), layout="constrained")
picture = axes.imshow(counts[0, :, :, 0], cmap="Blues")
axes.set_title("how many windows cover a pixel")
figure.colorbar(picture)
plt.show()

# %% [markdown]
# ## The three gradients
#
# The convolution is a matrix product, so its gradients are matrix products too.

# %% exercise
from minicnn.kernels.reference.convolution import conv2d_dweight

# %% exercise
from minicnn.kernels.reference.convolution import conv2d_dx

# %% exercise
from minicnn.kernels.reference.convolution import conv2d_dbias

# %%
x, weight = np.arange(16.0).reshape(1, 4, 4, 1), np.ones((3, 3, 1, 1))
dy = np.ones((1, 2, 2, 1))
print(conv2d_dweight(dy, x, (3, 3))[:, :, 0, 0])
print(conv2d_dx(dy, weight, x.shape)[0, :, :, 0])
print(conv2d_dbias(dy))
