"""One program a peer, which measures it and says what it found as JSON."""
