"""The loops of a running program: one service a file, each told what to do by the pure core."""
