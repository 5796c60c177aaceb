"""The pure part of the runtime: no clock, file, socket or database in here. Time and chance come in as arguments."""
