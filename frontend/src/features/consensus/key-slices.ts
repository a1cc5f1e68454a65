import { type Content, keySeries } from '@/components/scoring/rubric';

export interface KeySlice {
  slice: number;
  series: number;
}

/** Which of a finding's key slices to show: asked again of the same finding, the next read's. */
export class KeySliceTurns {
  private of = '';
  private turn = 0;

  next(reads: Content[], scan: string, row: string): KeySlice | undefined {
    const of = `${scan} ${row}`;
    this.turn = of === this.of ? this.turn + 1 : 0;
    this.of = of;
    const found = keySlicesOf(reads, scan, row);
    return found[this.turn % found.length];
  }
}

/** In the order of the reads; one that several marked stands once. */
function keySlicesOf(reads: Content[], scan: string, row: string): KeySlice[] {
  const found: KeySlice[] = [];
  for (const read of reads) {
    const entered = read[scan];
    const slice = entered?.key_slices[row];
    if (!entered || slice === undefined) continue;
    const series = keySeries(entered, row);
    if (!found.some((one) => one.slice === slice && one.series === series)) found.push({ slice, series });
  }
  return found;
}
