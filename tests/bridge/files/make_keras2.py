"""How the files here were made: by Keras 2 itself (`pip install tf-keras`, 2.21), run once.

`keras2.h5` and `keras2.keras` hold one model of every kind of layer that minicnn has, trained for
a step; `keras2.npz` holds pictures and what Keras 2 predicts for them.
"""

from pathlib import Path

import numpy as np


def main() -> None:
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Conv2D(4, 3, padding="same", input_shape=(9, 8, 1)),
            layers.BatchNormalization(momentum=0.8, epsilon=1e-2),
            layers.ReLU(),
            layers.MaxPooling2D((2, 1), strides=1),
            layers.Conv2D(3, (3, 2), strides=(2, 1), activation="tanh", name="mine"),
            layers.AveragePooling2D(2, padding="same"),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(6, kernel_initializer="he_normal"),
            layers.Activation("sigmoid"),
            layers.Dense(5),
            layers.Softmax(),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    images = rng.random((20, 9, 8, 1), np.float32)
    model.fit(images, np.arange(20) % 5, epochs=3, verbose=0)
    folder = Path(__file__).parent
    model.save(folder / "keras2.h5")
    model.save(folder / "keras2.keras")
    weights = {f"weight_{i}": w for i, w in enumerate(model.get_weights())}
    np.savez(folder / "keras2.npz", images=images, expected=model(images).numpy(), **weights)


if __name__ == "__main__":
    main()
