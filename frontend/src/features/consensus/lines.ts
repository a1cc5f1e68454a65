import { type Content, type Finding, type Grade, isFinding, valueOf } from '@/components/scoring/rubric';

/** One finding on one scan as both observers have it. */
export interface Line {
  scan: string;
  scanLabel: string;
  row: Finding;
  yours: Grade | null;
  theirs: Grade | null;
  differs: boolean;
  comments: { who: 'you' | 'other'; text: string }[];
}

/** Every line of the form, differences first, otherwise in the order of the rubric and the scans. */
export function linesOf(rows: Finding[], scans: { key: string; label: string }[], yours: Content, theirs: Content): Line[] {
  const lines = rows.flatMap((row) =>
    scans.map(({ key, label }): Line => {
      const [a, b] = [yours[key], theirs[key]];
      const mine = a ? valueOf(a, row.key) : null;
      const other = b ? valueOf(b, row.key) : null;
      const text = (value: string | undefined, who: 'you' | 'other') => (value ? [{ who, text: value }] : []);
      return {
        scan: key,
        scanLabel: label,
        row,
        yours: mine,
        theirs: other,
        differs: mine !== other,
        comments: isFinding(row.key)
          ? [...text(a?.comments[row.key], 'you'), ...text(b?.comments[row.key], 'other')]
          : [...text(a?.exclusion_text, 'you'), ...text(b?.exclusion_text, 'other')],
      };
    }),
  );
  return [...lines.filter(({ differs }) => differs), ...lines.filter(({ differs }) => !differs)];
}
