"""What a generated program imports: the runtime of ppacer. Importing this package imports nothing else."""

__version__ = "0.1.0"
