"""Plots: one figure a file, from typed values to axes; they read posteriors and records, and write no files of a report."""
