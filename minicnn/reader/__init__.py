"""Pictures of handwriting, as people have them, read by a model that was trained on MNIST's frame.

From a file to an answer, a module for each step: `picture` opens it, `ink` tells writing from
paper, `frame` puts a digit where MNIST has it, `recognise` asks the model. For a row of digits
`segmentation` tells them apart and `strings` reads them. `canvas` goes the other way: it draws
digits onto pictures, to test all of that.
"""
