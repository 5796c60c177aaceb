"""Prints what Airflow keeps of a file that it has read, which is what its page shows: errors and warnings of import.

`python airflow_told.py DAG`, after `airflow dags reserialize`; ends with 1 if there is any.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path


def told(key: str) -> list[str]:
    connection = sqlite3.connect(Path(os.environ["AIRFLOW_HOME"]) / "airflow.db")
    errors = connection.execute("SELECT filename, stacktrace FROM import_error")
    warnings = connection.execute("SELECT message FROM dag_warning WHERE dag_id = ?", (key,))
    found = [text for name, text in errors if Path(name).stem == key]
    return found + [f"warning: {text}" for (text,) in warnings]


if __name__ == "__main__":
    found = told(sys.argv[1])
    print(*found, sep="\n")
    sys.exit(bool(found))
