// A table cannot say that two fields of one record are the same object. So the writer collects every object it takes
// apart, and looks for one that occurs twice in a record; such a block is written as a graph instead.

/** Says to which record of the block each value of a nested column belongs; null: value i is of record i. */
export class RowOwners {
  readonly #parent: RowOwners | null;
  readonly #rows: () => Int32Array;
  #resolved: Int32Array | null = null;
  /** False if a record can have several values in the column. */
  readonly single: boolean;

  private constructor(parent: RowOwners | null, single: boolean, rows: () => Int32Array) {
    this.#parent = parent;
    this.single = single && (parent?.single ?? true);
    this.#rows = rows;
  }

  /** Owners of the concatenated elements of `lists`. */
  static ofLists(
    parent: RowOwners | null,
    lists: readonly { readonly length: number }[],
    n: number,
    total: number,
  ): RowOwners {
    return new RowOwners(parent, false, () => {
      const rows = new Int32Array(total);
      for (let i = 0, at = 0; i < n; i++) {
        const length = (lists[i] as { length: number }).length;
        rows.fill(i, at, at + length);
        at += length;
      }
      return rows;
    });
  }

  /** Owners of values that were picked at ascending `rows`. */
  static ofRows(parent: RowOwners | null, rows: Int32Array, single: boolean): RowOwners {
    return new RowOwners(parent, single, () => rows);
  }

  /** Computed when first asked for: most columns hold no objects. */
  rows(): Int32Array {
    if (this.#resolved === null) {
      const rows = this.#rows();
      const above = this.#parent?.rows();
      this.#resolved = above === undefined ? rows : rows.map((row) => above[row] as number);
    }
    return this.#resolved;
  }
}

interface ObjectColumn {
  readonly values: readonly unknown[];
  readonly n: number;
  readonly owners: RowOwners | null;
}

/** Up to this many objects of one record are compared pair by pair, which is cheaper than a Set. */
const PAIRWISE = 16;

export class SharingCheck {
  readonly #columns: ObjectColumn[] = [];

  clear(): void {
    this.#columns.length = 0;
  }

  add(values: readonly unknown[], n: number, owners: RowOwners | null): void {
    this.#columns.push({ values, n, owners });
  }

  /** True if some record holds one object twice. */
  found(): boolean {
    const columns = this.#columns;
    if (columns.length === 0 || (columns.length === 1 && (columns[0]?.owners?.single ?? true))) return false;
    return columns.every((c) => c.owners === null) ? this.#inSimpleColumns() : this.#inAnyColumns();
  }

  #inSimpleColumns(): boolean {
    const columns = this.#columns;
    for (let c = 1; c < columns.length; c++)
      for (let d = 0; d < c; d++) {
        const left = (columns[c] as ObjectColumn).values;
        const right = (columns[d] as ObjectColumn).values;
        const n = (columns[c] as ObjectColumn).n;
        for (let i = 0; i < n; i++) if (left[i] === right[i]) return true;
      }
    return false;
  }

  #inAnyColumns(): boolean {
    const columns = this.#columns;
    const rows = columns.map((c) => c.owners?.rows() ?? null);
    const cursors = columns.map(() => 0);
    const records = Math.max(...columns.map((c, k) => lastRow(c, rows[k] ?? null) + 1));
    const objects: unknown[] = [];
    for (let record = 0; record < records; record++) {
      let count = 0;
      for (let k = 0; k < columns.length; k++) {
        const { values, n } = columns[k] as ObjectColumn;
        const owner = rows[k] ?? null;
        let at = cursors[k] as number;
        while (at < n && (owner === null ? at : (owner[at] as number)) === record) objects[count++] = values[at++];
        cursors[k] = at;
      }
      if (hasTwin(objects, count)) return true;
    }
    return false;
  }
}

function lastRow(column: ObjectColumn, rows: Int32Array | null): number {
  if (column.n === 0) return -1;
  return rows === null ? column.n - 1 : (rows[column.n - 1] as number);
}

function hasTwin(objects: readonly unknown[], count: number): boolean {
  if (count > PAIRWISE) return new Set(objects.slice(0, count)).size < count;
  for (let i = 1; i < count; i++) for (let j = 0; j < i; j++) if (objects[i] === objects[j]) return true;
  return false;
}
