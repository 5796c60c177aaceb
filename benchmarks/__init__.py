"""What the project costs, in ratios to baselines of the same run: `python -m benchmarks`, `benchmarks/compiler.py`."""
