"""Training: `fit`, callbacks, averaged weights, test-time augmentation, checkpoints."""
