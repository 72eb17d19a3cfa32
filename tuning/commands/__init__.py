"""The commands of `python -m tuning`, one file each; the first line of its docstring is its help."""
