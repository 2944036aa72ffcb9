"""Labelled pictures: the data set itself, MNIST as shipped, and any other set in IDX files."""

from minicnn.data import augmentation
from minicnn.data.dataset import Dataset
from minicnn.data.idx import read_idx, write_idx
from minicnn.data.idx_directory import idx
from minicnn.data.mnist import mnist

# `idx` and `mnist` are the functions here, not the submodules that they hide.
__all__ = ["Dataset", "augmentation", "idx", "mnist", "read_idx", "write_idx"]
