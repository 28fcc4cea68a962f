// SPDX-License-Identifier: Apache-2.0
// duckdb_count.js FIELD FILE...: how many lines of the trail's files have each value of a field, as DuckDB sees them.
'use strict';
const { DuckDBInstance } = require('@duckdb/node-api');

async function main([field, ...files]) {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ');
  // Lines differ in what they have: a schema made of a sample would leave something out.
  const lines = `read_json_objects([${list}], format = 'newline_delimited', compression = 'zstd')`;
  const path = `'$.${field}'`;
  const rows = await connection.runAndReadAll(
    `SELECT coalesce(json ->> ${path}, '-') AS value, count(*) AS number FROM ${lines} GROUP BY value`);
  for (const [value, number] of rows.getRows()) {
    console.log(`${value}\t${number}`);
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
