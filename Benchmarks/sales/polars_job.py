"""The sales job in Polars, lazily where that pays: the same files as by_hand.sql writes, with the same rows in the same order."""
import os

import polars as pl

os.makedirs("out", exist_ok=True)
COLUMNS = ["order_id", "product_id", "quantity", "price", "region", "order_date"]

# One reading of the text, with the type of each value beside it: null where it does not fit.
rows = pl.scan_csv("sales.csv", schema={c: pl.String for c in COLUMNS}, row_index_name="row").with_columns(
    pl.col("quantity").cast(pl.Int64, strict=False).alias("q"),
    pl.col("price").cast(pl.Float64, strict=False).alias("p"),
    pl.col("order_date").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False, time_unit="us").alias("d"))
rules = [
    ("order_id", "required", pl.col("order_id").is_null()),
    ("product_id", "required", pl.col("product_id").is_null()),
    ("quantity", "type: integer", pl.col("quantity").is_not_null() & pl.col("q").is_null()),
    ("quantity", "minimum: 0", pl.col("q") < 0),
    ("price", "type: number", pl.col("price").is_not_null() & pl.col("p").is_null()),
    ("price", "minimum: 0", pl.col("p") < 0),
    ("order_date", "required", pl.col("order_date").is_null()),
    ("order_date", "format: date-time", pl.col("order_date").is_not_null() & pl.col("d").is_null()),
]
is_bad = pl.any_horizontal([condition.fill_null(False) for _, _, condition in rules])
rows = rows.with_columns(is_bad.alias("bad")).collect(engine="streaming")

bad = rows.filter(pl.col("bad"))
broken = [
    bad.filter(condition.fill_null(False)).select(
        pl.lit("sales.csv").alias("file"), (pl.col("row") + 1).cast(pl.Int64).alias("row"),
        (pl.col("row") + 2).cast(pl.Int64).alias("line"), pl.lit(column).alias("column"), pl.lit(rule).alias("rule"),
        pl.col(column).alias("value"), pl.struct(COLUMNS).struct.json_encode().alias("raw"))
    for column, rule, condition in rules
]
pl.concat(broken).sort("row", "column", "rule").write_parquet("out/quarantine.parquet", compression="snappy")

valid = rows.filter(~pl.col("bad")).select(
    "order_id", "product_id", pl.col("q").alias("quantity"), pl.col("p").alias("price"), "region", pl.col("d").alias("order_date"))
del rows
valid.write_parquet("out/valid.parquet", compression="snappy")

clean = valid.unique("order_id", keep="first", maintain_order=True).with_columns(
    pl.col("quantity").fill_null(0), pl.col("price").fill_null(0.0)).with_columns(
    (pl.col("quantity") * pl.col("price")).alias("total"))
del valid
clean.write_parquet("out/clean.parquet", compression="snappy")

catalog = pl.read_csv("catalog.csv", schema={c: pl.String for c in ["product_id", "product_name", "category"]})
assert catalog["product_id"].is_unique().all(), "the catalog has a product twice"
enriched = clean.join(catalog, on="product_id", how="left", maintain_order="left").with_columns(
    pl.col("product_name").fill_null("unknown"), pl.col("category").fill_null("unknown"))
del clean
enriched.write_parquet("out/enriched.parquet", compression="snappy")

print(enriched.select(
    pl.len().alias("rows"), (pl.col("order_id").count() - pl.col("order_id").drop_nulls().n_unique()).alias("repeated"),
    (pl.col("total").count() / pl.len()).alias("complete"), (pl.col("quantity") < 0).sum().alias("negative"),
    (~pl.col("region").is_in(["north", "south", "east", "west", "center"])).sum().alias("elsewhere")))
