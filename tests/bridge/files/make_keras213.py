"""How `keras213.keras` was made: by Keras 2.13 itself (`pip install tensorflow==2.13.1`), run once.

That version put the weights into a folder of another name, and numbered layers with gaps. In
`keras213.npz` are pictures of bytes, and what Keras predicts for them.
"""

from pathlib import Path

import numpy as np


def main() -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((7, 6)),
            layers.RandomRotation(0.1),
            layers.Reshape((7, 6, 1)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(2, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(3, 2, activation="tanh"),
            layers.GaussianNoise(0.1),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(4, activation="sigmoid"),
            layers.Dense(5),
            layers.Dense(3, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            rng.uniform(-2, 2, w.shape) if w.ndim > 1 else rng.uniform(0.1, 1, w.shape)
            for w in model.get_weights()
        ]
    )
    folder = Path(__file__).parent
    model.save(folder / "keras213.keras")
    images = rng.integers(0, 256, (20, 7, 6)).astype(np.float32)
    weights = {f"weight_{i}": w for i, w in enumerate(model.get_weights())}
    expected = model.predict(images, verbose=0)
    np.savez(folder / "keras213.npz", images=images, expected=expected, **weights)


if __name__ == "__main__":
    main()
