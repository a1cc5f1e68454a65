export interface Parcel {
  file: File;
  /** Path inside what was dropped: "study/series/0001.dcm". */
  path: string;
}

/** The path a browser keeps with a dropped or chosen file, without a leading slash. */
export function parcelOf(file: File & { path?: string }): Parcel {
  const path = file.webkitRelativePath || file.path || file.name;
  return { file, path: path.replace(/^\.?\//, '') };
}

/**
 * Requests of at most `maxFiles` and about `maxBytes`. A folder stays whole where it fits, since a series
 * that arrives in two halves is two incomplete series; only a folder larger than a request is cut.
 */
export function batches(parcels: readonly Parcel[], maxFiles = 1500, maxBytes = 512 * 2 ** 20): Parcel[][] {
  const folders = new Map<string, Parcel[]>();
  for (const parcel of parcels) {
    const folder = parcel.path.slice(0, parcel.path.lastIndexOf('/') + 1);
    const group = folders.get(folder);
    if (group) group.push(parcel);
    else folders.set(folder, [parcel]);
  }
  const requests: Parcel[][] = [];
  let current: Parcel[] = [];
  let bytes = 0;
  const close = () => {
    if (current.length) requests.push(current);
    current = [];
    bytes = 0;
  };
  for (const group of folders.values()) {
    const size = group.reduce((sum, { file }) => sum + file.size, 0);
    if (current.length + group.length > maxFiles || bytes + size > maxBytes) close();
    for (const parcel of group) {
      if (current.length === maxFiles) close();
      current.push(parcel);
      bytes += parcel.file.size;
    }
  }
  close();
  return requests;
}
