"""output_shape, which summaries and building go by, is the shape that really comes out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minicnn import nn

from .draws import cases, some


@st.composite
def image_layers(draw):
    """A layer that takes images, and an image shape that it fits."""
    case = draw(cases(max_size=8, max_kernel=4))
    layer = draw(
        st.sampled_from(
            [
                nn.Conv2D(case.filters, *case.windows),
                nn.Conv2D(case.filters, *case.windows, activation="relu"),
                nn.MaxPool2D(*case.windows),
                nn.AveragePool2D(*case.windows),
                nn.MaxPool2D(case.kernel, padding=case.padding),
                nn.Flatten(),
                nn.ReLU(),
                nn.Dropout(0.3),
                nn.BatchNorm(),
                nn.Activation("softmax"),
            ]
        )
    )
    return layer, case


@some
@given(drawn=image_layers(), training=st.booleans())
def test_the_shape_of_every_layer(drawn, training):
    layer, case = drawn
    x = np.ones(case.x_shape, np.float32)
    y = layer(x, training)
    assert y.shape == (case.batch, *layer.output_shape(case.x_shape[1:]))
    assert y.dtype == np.float32


@some
@given(drawn=image_layers(), units=st.integers(1, 5))
def test_the_shape_of_a_model_and_its_description(drawn, units):
    layer, case = drawn
    layers = [layer, *([] if isinstance(layer, nn.Flatten) else [nn.Flatten()]), nn.Dense(units)]
    model = nn.Sequential(*layers, input_shape=case.x_shape[1:])
    y = model(np.ones(case.x_shape, np.float32))
    assert y.shape == (case.batch, units) == (case.batch, *model.output_shape(case.x_shape[1:]))
    again = nn.Sequential.from_config(model.config())
    np.testing.assert_array_equal(again(np.ones(case.x_shape, np.float32)).data, y.data)
