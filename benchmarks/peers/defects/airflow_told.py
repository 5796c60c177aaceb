"""Has Airflow read its folder, and prints what it keeps of what is there: errors and warnings of import.

`python airflow_told.py DAG` in its environment; ends with 1 if there is any. `airflow dags list-import-errors` and its
page show the same.
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
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    found = [text for name, text in errors if (folder / name).exists()]
    return found + [f"warning: {text}" for (text,) in warnings]


if __name__ == "__main__":
    from airflow.__main__ import main

    key = sys.argv[1]
    sys.argv = ["airflow", "dags", "reserialize"]
    main()
    found = told(key)
    print(*found, sep="\n")
    sys.exit(bool(found))
