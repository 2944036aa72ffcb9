"""How accurate the recipes are, by a protocol: ``python -m benchmarks.accuracy``.

A recipe of the zoo is trained with the seeds 0, 1, 2, …, on all training pictures, for the epochs
that it says; the weights of the last epoch are measured on the test set. The recipes were chosen on
a validation split of the training set: nothing is chosen on the test set, neither an epoch nor a
seed, and every seed is reported.
"""
