import { expect, it } from 'vitest';

import { toCsv } from './csv';

it('quotes what needs quoting', () => {
  expect(toCsv(['file', 'row', 'message'], [['a.csv', 3, 'says "no", twice'], ['b.csv', null, 'two\nlines']])).toBe(
    'file,row,message\r\na.csv,3,"says ""no"", twice"\r\nb.csv,,"two\nlines"\r\n',
  );
});

it('defuses what a spreadsheet would run, and leaves negative numbers', () => {
  expect(toCsv(['x'], [['=HYPERLINK("a")'], ['+1'], ['@a'], ['-3.5'], ['-cmd']])).toBe(
    `x\r\n"'=HYPERLINK(""a"")"\r\n'+1\r\n'@a\r\n-3.5\r\n'-cmd\r\n`,
  );
});
