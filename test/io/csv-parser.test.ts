import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CsvLines } from '../../src/io/formats/csv-file.ts';
import { type CsvField, CsvParser } from '../../src/io/formats/csv-parser.ts';

interface Options {
  readonly delimiter?: string;
  readonly quote?: string;
  readonly escape?: string;
  readonly trim?: boolean;
}

function parse(line: string, options: Options = {}): CsvField[] {
  const { delimiter = ',', quote = '"', escape: mark = '\\', trim = false } = options;
  const parser = new CsvParser(
    { delimiter, quote, escape: mark },
    { ignoreLeadingWhiteSpace: trim, ignoreTrailingWhiteSpace: trim },
  );
  const fields: CsvField[] = [];
  if (!parser.parse(line, fields)) parser.finish(fields);
  return fields;
}

describe('CSV lines', () => {
  // What Spark 4's reader gives for the same lines, with a schema of three texts.
  const asSpark: readonly [line: string, fields: CsvField[], options?: Options][] = [
    ['a,b,c', ['a', 'b', 'c']],
    ['a,,c', ['a', null, 'c']],
    ['"a","b, c",d', ['a', 'b, c', 'd']],
    ['a,"x ""y"" z",c', ['a', '"x ""y"" z"', 'c']],
    ['a,"x \\"y\\" z",c', ['a', 'x "y" z', 'c']],
    ['a,"x\\\\",c', ['a', 'x\\', 'c']],
    ['a,"x\\\\y",c', ['a', 'x\\y', 'c']],
    ['a,"x\\ny",c', ['a', 'x\\ny', 'c']],
    ['a,x\\"y,c', ['a', 'x\\"y', 'c']],
    ['"a"b,c,d', ['"a"b', 'c', 'd']],
    ['"a"b"c,d,e', ['"a"b"c', 'd', 'e']],
    ['"abc,def,g', ['abc,def,g']],
    ['a,"abc,def', ['a', 'abc,def']],
    [' a , "b" , c ', [' a ', ' "b" ', ' c ']],
    [' a , "b" , c ', ['a', 'b', 'c'], { trim: true }],
    ['a,"x ""y"" z",c', ['a', 'x "y" z', 'c'], { escape: '"' }],
    ['a;b;c', ['a', 'b', 'c'], { delimiter: ';' }],
    ['a,b"c"d,e', ['a', 'b"c"d', 'e']],
    ['a,b,', ['a', 'b', null]],
    [',,', [null, null, null]],
    ["a,'b,c',d", ['a', 'b,c', 'd'], { quote: "'" }],
    ['a,"b,c', ['a', '"b', 'c'], { quote: '' }],
    ['a||b||c', ['a', 'b', 'c'], { delimiter: '||' }],
    ['a\tb\tc', ['a', 'b', 'c'], { delimiter: '\t' }],
    ['"\\\\",b,c', ['\\', 'b', 'c']],
    ['"a" ,b,c', ['a', 'b', 'c']],
    ['"a\\"', ['a"']],
    ['"a""",b,c', ['a"', 'b', 'c'], { escape: '"' }],
    ['"""a",b,c', ['"a', 'b', 'c'], { escape: '"' }],
    ['"a\\b",c,d', ['a\\b', 'c', 'd']],
  ];

  test('are cut into fields as Spark cuts them', () => {
    for (const [line, fields, options] of asSpark) assert.deepEqual(parse(line, options), fields, line);
  });

  test('of a quoted field that goes on give the field with its line breaks', () => {
    const parser = new CsvParser(
      { delimiter: ',', quote: '"', escape: '"' },
      {
        ignoreLeadingWhiteSpace: false,
        ignoreTrailingWhiteSpace: false,
      },
    );
    const fields: CsvField[] = [];
    assert.equal(parser.parse('1,"a', fields), false);
    assert.equal(parser.parse('', fields), false);
    assert.equal(parser.parse('b ""c""",2', fields), true);
    assert.deepEqual(fields, ['1', 'a\n\nb "c"', '2']);
  });

  test('that were written are read as the same texts, whatever is in them', () => {
    const field = fc.string({
      unit: fc.constantFrom('a', ' ', ',', ';', '"', '\\', "'", 'ü', '\t', '|'),
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(
        fc.array(field, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(',', ';', '||', '\t'),
        fc.constantFrom('\\', '"'),
        fc.boolean(),
        (fields, delimiter, mark, quoteAll) => {
          const lines = new CsvLines({
            kind: 'csv',
            codec: 'none',
            columns: null,
            header: false,
            nullValue: '',
            emptyValue: '""',
            quote: '"',
            delimiter,
            escape: mark,
            quoteAll,
          });
          const line = lines.line(fields);
          assert.deepEqual(parse(line, { delimiter, escape: mark }), fields, line);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
