"""What ``results.json`` holds, one module for each part of it; `results.Results` is the whole."""
