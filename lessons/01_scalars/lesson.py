# %% [markdown]
# # Scalars and the chain rule
#
# A calculation is a graph: every number knows what it was computed from. Going back over the graph,
# each step multiplies the gradient that arrives with its own slope.

# %%
import matplotlib.pyplot as plt
import numpy as np

from minicnn import Tensor

# %% exercise
from minicnn.tensor import multiply

# %% exercise
from minicnn.tensor import add

# %% exercise
from minicnn.tape import topological_order

# %%
a, b = Tensor(3.0, requires_grad=True), Tensor(-2.0, requires_grad=True)
y = add(multiply(a, b), a)
print(len(topological_order(y)), "numbers on the tape")
y.backward()
print(y.item(), a.grad, b.grad)

# %% [markdown]
# The gradient is the slope of the curve: y as a function of a, and the line that touches it at 3.

# %%
at = np.linspace(0, 5, 50)
figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
axes.plot(at, [multiply(Tensor(t), Tensor(t)).item() for t in at], label="y = a · a")
a = Tensor(3.0, requires_grad=True)
y = multiply(a, a)
y.backward()
axes.plot(at, y.item() + a.grad * (at - 3), "--", label=f"slope {a.grad.item():g}")
axes.set_xlabel("a")
axes.legend()
plt.show()
