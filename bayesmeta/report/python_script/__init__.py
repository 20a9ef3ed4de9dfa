"""`analysis.py`: a Python script that computes what a report shows."""
