"""The tasks of the weather pipeline. Each may be run again: it writes its file or rows anew, whole or not at all."""
