"""Train cnn_classic until it passes a test accuracy: `python accuracy_keras.py 0.99 SEED`.

The test set decides here when to stop, because the script times the speed of an engine; it does not
choose a model. Prints the epochs done and the test accuracy, four times in an epoch.
"""

import sys

import keras
from keras import layers

from minicnn.data import mnist  # only to read the files

target, seed = float(sys.argv[1]), int(sys.argv[2])
keras.utils.set_random_seed(seed)
train, test = mnist()
count = 468 * 128  # whole batches, so that a quarter of an epoch is 117 of them

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(10),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)


class StopAtTarget(keras.callbacks.Callback):
    """Ends the training when the test accuracy is reached."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        print((epoch + 1) / 4, logs["val_accuracy"], flush=True)
        self.model.stop_training = logs["val_accuracy"] >= target


model.fit(
    train.scaled()[:count],
    train.labels[:count],
    batch_size=128,
    epochs=60,
    steps_per_epoch=117,
    validation_data=(test.scaled(), test.labels),
    validation_batch_size=512,
    callbacks=[StopAtTarget()],
    verbose=0,
)
