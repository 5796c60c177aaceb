"""A program in one file (`ppc build --format pyz`): a zip archive with the runtime and all that it needs inside.

The archive holds `lib/` (the runtime, its distributions, the program as `ppacer_program`), `app/` (the project's own
modules), `unpacked/PART/` (what needs real files), `manifest.json` and `index.json`. Nothing here but `manifest` is
loaded by a program that is no such file.
"""
