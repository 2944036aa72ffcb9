"""To and from other engines: Keras files and live Keras models, ONNX, TensorFlow Lite.

minicnn keeps its weights as Keras does, so they cross without a transpose and bit for bit.

    model = mc.open_model("theirs.h5")             # or .keras: h5py alone, without TensorFlow
    mc.export(model, "mine.onnx")                  # or .keras, .h5, .tflite; run before it stays
    twin = mc.to_keras(model)                      # a live keras.Sequential; mc.from_keras(twin)
    print(mc.compare_layers(model, twin, x))       # the first layer at which they part

`keras_layers` has a table of what is read of each layer, `keras_model` builds the model, and
`keras_config` describes one of ours to Keras. A Keras model that ends in softmax comes in without
it, since minicnn's models end in logits; it gains the softmax again on the way out, unless told
``softmax=False``. Optimizers stay behind.
"""
