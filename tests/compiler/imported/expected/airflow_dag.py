"""The nightly load."""
from __future__ import annotations

import json
from datetime import datetime, timedelta

import pendulum
from airflow import DAG
from airflow.decorators import dag, task
from airflow.models.param import Param
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import PythonOperator
from airflow.providers.postgres.operators.postgres import PostgresOperator
from airflow.utils.task_group import TaskGroup
from airflow.models import Variable
from airflow.models.baseoperator import chain
from report import send

REGIONS = ["eu", "us"]

def warn(context):
    print(context)

default_args = {
    "owner": "data",
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "on_failure_callback": warn,
    "depends_on_past": False,
}

LIMIT = 10

def helper(x):
    return x * LIMIT

def clean(region, ds, **kwargs):
    """Cleans."""
    return helper(len(region))

def pulls(ti):
    return ti.xcom_pull(task_ids="x")

with DAG(
    "shop-nightly",
    description="Loads the shop's orders",
    default_args=default_args,
    schedule="15 4 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Warsaw"),
    catchup=False,
    tags=["shop"],
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    params={"full": False, "mode": Param("fast", enum=["fast", "slow"])},
) as dag1:
    start = EmptyOperator(task_id="start")
    with TaskGroup("regions") as regions:
        for region in REGIONS:
            get = BashOperator(task_id=f"get_{region}", bash_command=f"fetch {region} --day '{{{{ ds }}}}' | awk '{{print $1}}' > out/{region}-{{{{ ds_nodash }}}}.csv", pool="web")
            tidy = PythonOperator(task_id=f"clean_{region}", python_callable=clean, op_kwargs={"region": region})
            get >> tidy
    load = PostgresOperator(task_id="load", sql="select 1", postgres_conn_id="x")
    bad = PythonOperator(task_id="bad", python_callable=pulls)
    tell = PythonOperator(task_id="tell", python_callable=send, op_args=["ops", 3], trigger_rule="all_done", retries=0)
    both = BashOperator(task_id="both", bash_command='[[ "{{ params.mode }}" == fast ]] && echo {{ ti.xcom_pull(task_ids="tell") }}\necho ok', execution_timeout=timedelta(minutes=5))
    start >> regions >> load
    chain(load, [bad, tell])
    tell >> both

@dag(schedule=timedelta(hours=1), start_date=datetime(2026, 1, 1), catchup=True)
def etl(day: str = "x"):
    """Hourly."""
    @task(retries=1, retry_exponential_backoff=True)
    def extract() -> dict:
        text = """a
  b"""
        return json.loads('{"a": [1, 2]}')

    @task
    def double(n: int) -> int:
        return n * 2

    @task(multiple_outputs=True)
    def total(numbers: list, day: str) -> dict:
        return {"total": sum(numbers), "key": Variable.get("x")}

    @task
    def show(n, **context):
        print(n)

    @task.branch
    def choose():
        return "show"

    rows = extract()
    doubled = double.expand(n=rows["a"])
    t = total(doubled, day)
    show.override(task_id="show_it")(t["total"])
    choose()

etl()
