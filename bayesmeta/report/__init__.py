"""Reports: numbers as text, sentences, plots and one self-contained HTML file, from the results alone."""
