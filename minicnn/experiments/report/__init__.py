"""The report on a trained model: its figures and its pages."""
