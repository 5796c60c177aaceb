"""What `native.ppd` runs as a script: it finds what the program carries, and what is beside itself."""

import sys

import native
import psycopg_binary

print("told", *sys.argv[1:])
print(psycopg_binary.__file__, native.__file__, __name__)
print("line by line")
