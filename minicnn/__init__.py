"""minicnn: a convolutional-network engine written from scratch on NumPy and numba.

>>> import minicnn as mc
>>> from minicnn import nn
>>> model = nn.Sequential(nn.Flatten(), nn.Dense(10), input_shape=(28, 28, 1))
>>> model.parameter_count()
7850

``__init__.pyi`` beside this file says which names there are and where each lives: type checkers
read it, and so does the loader below, which imports a name when it is first used. So ``import
minicnn`` is quick.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
