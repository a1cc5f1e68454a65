import { Text } from '@mantine/core';

import { words } from '@/lib/format';

import type { AgreementRow } from './api';
import classes from './disagreement-matrix.module.css';
import { heatCells } from './heat-map';

interface Props {
  table: AgreementRow['table'];
  title: string;
}

/** k × k table of two observers: blue on the diagonal (agree), orange off it (differ); the counts are printed. */
export function DisagreementMatrix({ table, title }: Props) {
  const cells = heatCells(table.labels.map((label) => words(String(label ?? 'not graded'))), table.counts);
  return (
    <div>
      <table className={classes.matrix} aria-label={title}>
        <thead>
          <tr>
            <td />
            <th colSpan={table.labels.length} scope="colgroup">Second observer</th>
          </tr>
          <tr>
            <th scope="col" className={classes.corner}>First observer</th>
            {cells.map((line) => <th key={line[0]?.row} scope="col">{line[0]?.row}</th>)}
          </tr>
        </thead>
        <tbody>
          {cells.map((line) => (
            <tr key={line[0]?.row}>
              <th scope="row">{line[0]?.row}</th>
              {line.map((cell) => (
                <td
                  key={cell.column}
                  title={`First: ${cell.row}, second: ${cell.column} – ${cell.n}`}
                  style={{
                    background: `color-mix(in srgb, ${cell.agrees ? '#56b4e9' : '#e69f00'} ${Math.round(85 * cell.weight)}%, white)`,
                  }}
                >
                  {cell.n}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <Text size="xs" c="dimmed" mt={4}>Blue: both said the same. Orange: they differed. Darker: more often.</Text>
    </div>
  );
}
