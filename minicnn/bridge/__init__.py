"""To and from other engines: Keras files and live Keras models, ONNX, TensorFlow Lite.

minicnn keeps its weights as Keras does, so they cross without a transpose and bit for bit.

    model = mc.open_model("theirs.h5")             # or .keras: h5py alone, without TensorFlow
    mc.export(model, "mine.onnx")                  # or .keras, .h5, .tflite; run before it stays
    twin = mc.to_keras(model)                      # a live keras.Sequential; mc.from_keras(twin)
    print(mc.compare_layers(model, twin, x))       # the first layer at which they part

What is carried over and what is not stands in `keras_config`, where the softmax stands in
`softmax`. In short: a Keras model that ends in softmax comes in without it, for minicnn's models
end in logits; what goes out gains it again, unless told ``softmax=False``. Optimizers stay behind.
"""
