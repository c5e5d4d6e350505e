"""The sales job in pandas, as its users write it: the same files as by_hand.sql writes, with the same rows in the same order."""
import json, os

import pandas as pd

os.makedirs("out", exist_ok=True)
COLUMNS = ["order_id", "product_id", "quantity", "price", "region", "order_date"]


def text(path):
    return pd.read_csv(path, dtype="string[pyarrow]", keep_default_na=False, na_values=[""])


rows = text("sales.csv")
quantity = pd.to_numeric(rows["quantity"], errors="coerce")
price = pd.to_numeric(rows["price"], errors="coerce").astype("Float64")
date = pd.to_datetime(rows["order_date"], format="%Y-%m-%dT%H:%M:%SZ", errors="coerce")
rules = [
    ("order_id", "required", rows["order_id"].isna()),
    ("product_id", "required", rows["product_id"].isna()),
    ("quantity", "type: integer", rows["quantity"].notna() & (quantity.isna() | (quantity % 1 != 0))),
    ("quantity", "minimum: 0", quantity < 0),
    ("price", "type: number", rows["price"].notna() & price.isna()),
    ("price", "minimum: 0", price < 0),
    ("order_date", "required", rows["order_date"].isna()),
    ("order_date", "format: date-time", rows["order_date"].notna() & date.isna()),
]
rules = [(column, rule, broken.fillna(False).astype(bool)) for column, rule, broken in rules]
is_bad = pd.concat([broken for _, _, broken in rules], axis=1).any(axis=1)

raw = rows[is_bad].astype(object).where(rows[is_bad].notna(), None)
raw = pd.Series([json.dumps(record, separators=(",", ":"), ensure_ascii=False) for record in raw.to_dict("records")], index=raw.index)
broken = [
    pd.DataFrame({"file": "sales.csv", "row": found.index + 1, "line": found.index + 2, "column": column, "rule": rule,
                  "value": rows.loc[found.index, column], "raw": raw[found.index]})
    for column, rule, found in ((column, rule, mask[mask]) for column, rule, mask in rules)
]
pd.concat(broken).sort_values(["row", "column", "rule"]).to_parquet("out/quarantine.parquet", index=False)

valid = rows.assign(quantity=quantity.where(~is_bad).astype("Int64"), price=price, order_date=date)[~is_bad]
del rows, quantity, price, date, rules, is_bad
ARROW = {"index": False, "coerce_timestamps": "us"}
valid.to_parquet("out/valid.parquet", **ARROW)

clean = valid.drop_duplicates("order_id", keep="first")
del valid
clean = clean.assign(quantity=clean["quantity"].fillna(0), price=clean["price"].fillna(0.0))
clean["total"] = clean["quantity"].astype("Float64") * clean["price"]
clean.to_parquet("out/clean.parquet", **ARROW)

enriched = clean.merge(text("catalog.csv")[["product_id", "product_name", "category"]], on="product_id", how="left", validate="many_to_one")
del clean
enriched = enriched.fillna({"product_name": "unknown", "category": "unknown"})
enriched.to_parquet("out/enriched.parquet", **ARROW)

print({"rows": len(enriched), "repeated": int(enriched["order_id"].duplicated().sum()), "complete": float(enriched["total"].notna().mean()),
       "negative": int((enriched["quantity"] < 0).sum()),
       "elsewhere": int((~enriched["region"].dropna().isin(["north", "south", "east", "west", "center"])).sum())})
