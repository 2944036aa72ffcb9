"""Pictures of handwriting, as people have them, read by a model that was trained on MNIST's frame.

From a file to an answer, a module for each step: `picture` opens it, `ink` tells writing from
paper, without what `rules` finds printed there, `frame` puts a digit where MNIST has it,
`recognise` asks the model.

For numbers, `strings` goes on: `rows` makes the page level and parts it into lines, `segmentation`
parts a line into groups of ink, `cuts` proposes where these may be cut, `line` lists the pieces
that may be digits, `judge` says by their `views` which of them are whole ones, and `lattice` finds
the best way through. `fields` are those of a form, `figure` shows what was read.

`canvas` goes the other way: it draws digits onto pictures, to test all of that.
"""
