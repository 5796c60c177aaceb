"""What a test gets told when it asks for what is not there."""

from __future__ import annotations


class PipelineError(Exception):
    """A fault of the test or of the program under test, and none of a task: the text says what is wrong, and where.

    It is raised instead of a result: no task's failure ever is.
    """
