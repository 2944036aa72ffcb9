"""Measurements of minicnn beside Keras and PyTorch: ``python -m benchmarks``."""
