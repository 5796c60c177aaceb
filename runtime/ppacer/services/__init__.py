"""The running parts of a program, one loop a file. Importing this package imports none of them."""
