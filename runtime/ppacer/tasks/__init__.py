"""The built-in tasks: ordinary callables, run in workers as users' own are."""
