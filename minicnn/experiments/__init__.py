"""Experiments: settings, a run and its folder, and what compares, tunes, explores and reports."""
