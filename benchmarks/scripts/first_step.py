"""One training step of cnn_classic, from the start of Python: `python first_step.py`."""

from minicnn import functional as F
from minicnn import optim, zoo
from minicnn.data import mnist

train, _ = mnist()
x, labels = next(train.batches(128))
model = zoo.build("cnn_classic")
F.softmax_cross_entropy(model(x, training=True), labels).backward()
optim.Adam(1e-3).step(model.parameters())
print("first step done", flush=True)
