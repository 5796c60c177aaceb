"""Python imports this at its start where its folder is on PYTHONPATH: so the agent is in every process of a world."""

import crash_install  # noqa: F401 (it does its work when it is imported)
