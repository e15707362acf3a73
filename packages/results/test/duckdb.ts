/** DuckDB, which reads back what was written. */
import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';

/** The rows of a query, as objects. */
export async function query(sql: string): Promise<Record<string, DuckDBValue>[]> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjects();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
