"""How keras_cnn.h5 and keras_answers.npy came about: a small CNN, trained in Keras for one lesson.

Run it anew with ``python train_in_keras.py``; it needs TensorFlow and takes about a minute.
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow tells of GPUs that are not here

import keras
import numpy as np
from keras import layers

import minicnn as mc

HERE = Path(__file__).parent
ANSWERS = 500

train, test = mc.data.mnist()
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train.scaled(), train.labels, batch_size=128, epochs=3, verbose=2)
print(model.evaluate(test.scaled(), test.labels, verbose=0))
model.save(HERE / "keras_cnn.h5", include_optimizer=False)
np.save(HERE / "keras_answers.npy", model.predict(test.scaled(slice(ANSWERS)), verbose=0))
