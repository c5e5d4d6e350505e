SELECT order_id, product_id, number AS quantity, amount AS price, region, instant AS order_date
FROM {{ ref('intake') }} WHERE NOT is_bad
