SELECT order_id, product_id, coalesce(quantity, 0) AS quantity, coalesce(price, 0.0::DOUBLE) AS price, region, order_date,
       CAST(coalesce(quantity, 0) * coalesce(price, 0.0::DOUBLE) AS DOUBLE) AS total
FROM (SELECT *, row_number() OVER () AS place FROM {{ ref('valid') }})
QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY place) = 1
ORDER BY place
