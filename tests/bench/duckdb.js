// SPDX-License-Identifier: Apache-2.0
// The peer of the searches. duckdb.js PARQUET THREADS load LINES..., count ID, or fetch ID: prints milliseconds and a number.
'use strict';
const { DuckDBInstance } = require('@duckdb/node-api');

async function main([parquet, threads, act, ...rest]) {
  const connection = await (await DuckDBInstance.create(':memory:', { threads })).connect();
  const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
  const table = `read_parquet(${quoted(parquet)})`;
  const mine = () => `container.id = ${quoted(rest[0])}`;
  const begin = process.hrtime.bigint();
  let number;
  if (act === 'load') {
    // As the file lies there: lines of JSON in zstd.
    const files = `[${rest.map(quoted).join(', ')}]`;
    await connection.run(`COPY (SELECT * FROM read_json(${files}, format = 'newline_delimited', compression = 'zstd'))
      TO ${quoted(parquet)} (FORMAT parquet, COMPRESSION zstd)`);
    number = (await connection.runAndReadAll(`SELECT count(*) FROM ${table}`)).getRows()[0][0];
  } else if (act === 'count') {
    number = (await connection.runAndReadAll(`SELECT count(*) FROM ${table} WHERE ${mine()}`)).getRows()[0][0];
  } else {
    // All fields, as JSON lines again.
    await connection.run(`COPY (SELECT * FROM ${table} WHERE ${mine()}) TO '/dev/null' (FORMAT json)`);
    number = 0;
  }
  console.log(`${Number((process.hrtime.bigint() - begin) / 1000000n)} ${number}`);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
