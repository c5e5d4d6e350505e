SELECT 'sales.csv' AS file, "row", "row" + 1 AS line, v."column" AS "column", v.rule AS rule, v.value AS value, raw
FROM (SELECT rowid + 1 AS "row",
             CAST(to_json({'order_id': order_id, 'product_id': product_id, 'quantity': quantity, 'price': price, 'region': region,
                           'order_date': order_date}) AS VARCHAR) AS raw,
             unnest([
               CASE WHEN order_id IS NULL THEN {'column': 'order_id', 'rule': 'required', 'value': order_id} END,
               CASE WHEN order_id = '' THEN {'column': 'order_id', 'rule': 'minLength: 1', 'value': order_id} END,
               CASE WHEN product_id IS NULL THEN {'column': 'product_id', 'rule': 'required', 'value': product_id} END,
               CASE WHEN product_id = '' THEN {'column': 'product_id', 'rule': 'minLength: 1', 'value': product_id} END,
               CASE WHEN quantity IS NOT NULL AND (TRY_CAST(quantity AS DOUBLE) = number) IS NOT TRUE
                    THEN {'column': 'quantity', 'rule': 'type: integer', 'value': quantity} END,
               CASE WHEN number < 0 THEN {'column': 'quantity', 'rule': 'minimum: 0', 'value': quantity} END,
               CASE WHEN price IS NOT NULL AND amount IS NULL THEN {'column': 'price', 'rule': 'type: number', 'value': price} END,
               CASE WHEN amount < 0 THEN {'column': 'price', 'rule': 'minimum: 0', 'value': price} END,
               CASE WHEN order_date IS NULL THEN {'column': 'order_date', 'rule': 'required', 'value': order_date} END,
               CASE WHEN order_date IS NOT NULL AND instant IS NULL
                    THEN {'column': 'order_date', 'rule': 'format: date-time', 'value': order_date} END
             ]) AS v
      FROM {{ ref('intake') }} WHERE is_bad)
WHERE v IS NOT NULL
ORDER BY "row", "column" NULLS FIRST, rule
