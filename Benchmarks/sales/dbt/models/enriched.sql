SELECT clean.* EXCLUDE place, coalesce(product_name, 'unknown') AS product_name, coalesce(category, 'unknown') AS category
FROM (SELECT *, row_number() OVER () AS place FROM {{ ref('clean') }}) AS clean
LEFT JOIN read_csv('catalog.csv', header = true, all_varchar = true) AS catalog USING (product_id)
ORDER BY place
