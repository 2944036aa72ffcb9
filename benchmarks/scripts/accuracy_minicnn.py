"""Train cnn_classic until it passes a test accuracy: `python accuracy_minicnn.py 0.99 SEED`.

The test set decides here when to stop, because the script times the speed of an engine; it does not
choose a model. Prints the epochs done and the test accuracy, four times in an epoch.
"""

import sys

import numpy as np

import minicnn as mc
from minicnn import functional as F
from minicnn import optim, zoo

target, seed = float(sys.argv[1]), int(sys.argv[2])
train, test = mc.data.mnist()
model = zoo.build("cnn_classic", rng=seed)
optimizer = optim.Adam(1e-3)
rng = np.random.default_rng(seed)

for epoch in range(15):
    batches = train.batches(128, rng, drop_last=True)  # 468 batches
    for step, (x, labels) in enumerate(batches, start=1):
        loss = F.softmax_cross_entropy(model(x, training=True), labels)
        model.zero_grad()
        loss.backward()
        optimizer.step(model.parameters())
        if step % 117 == 0:
            accuracy = mc.evaluate(model, test).accuracy
            print(epoch + step / 468, accuracy, flush=True)
            if accuracy >= target:
                sys.exit()
