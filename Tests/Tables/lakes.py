#!/usr/bin/env python3
"""Writes Delta and Iceberg tables for the tests, by the libraries of their own projects.

    python3 Tests/Tables/lakes.py delta FOLDER      three rows in two partitions, one of which is deleted, and a column later
    python3 Tests/Tables/lakes.py more FOLDER       one row more, with the id 9
    python3 Tests/Tables/lakes.py vacuum FOLDER     removes the files that the newest version does not need
    python3 Tests/Tables/lakes.py iceberg FOLDER    the same as delta in FOLDER/shop/orders; prints the file of its newest version
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / ".tools/lakes"))
import pyarrow as pa  # noqa: E402


def rows(ids, **more):
    amounts = pa.array([f"{id}.25" for id in ids]).cast(pa.decimal128(10, 2))
    days = pa.array([20454 + id for id in ids], pa.int32()).cast(pa.date32())
    regions = ["north" if id % 2 else "south" for id in ids]
    return pa.table({"id": pa.array(ids, pa.int64()), "region": regions, "amount": amounts, "day": days, **more})


def delta(folder):
    from deltalake import DeltaTable, write_deltalake

    write_deltalake(folder, rows([1, 2, 3]), partition_by=["region"])
    DeltaTable(folder).delete("id = 2")
    write_deltalake(folder, rows([5], note=["new"]), mode="append", schema_mode="merge")


def more(folder):
    from deltalake import write_deltalake

    write_deltalake(folder, rows([9], note=["more"]), mode="append")


def vacuum(folder):
    from deltalake import DeltaTable

    DeltaTable(folder).optimize.compact()
    DeltaTable(folder).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)


def iceberg(folder):
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.types import StringType

    catalog = SqlCatalog("tests", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
    catalog.create_namespace("shop")
    table = catalog.create_table("shop.orders", schema=rows([1]).schema)
    table.append(rows([1, 2, 3]))
    table.delete("id = 2")
    with table.update_schema() as update:
        update.add_column("note", StringType())
    table.append(rows([5], note=["new"]))
    print(pathlib.Path(table.metadata_location).name)


globals()[sys.argv[1]](sys.argv[2])
