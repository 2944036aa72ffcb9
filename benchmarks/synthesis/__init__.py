"""Makers of pictures: the examples that are shipped, and doodles that are no digits."""
