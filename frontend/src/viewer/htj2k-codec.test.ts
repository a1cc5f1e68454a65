import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import asTheLoaderSeesIt from '@cornerstonejs/codec-openjph/wasmjs';
import { expect, it } from 'vitest';

import openJph from './htj2k-codec';

type Codec = Awaited<ReturnType<typeof openJph>>;

function frame(columns: number, rows: number): Uint16Array {
  return Uint16Array.from({ length: columns * rows }, (_, i) => ((i * 7) % 4096) ^ ((i >> 5) & 255));
}

function encode(codec: Codec, columns: number, rows: number): Uint8Array {
  const encoder = new codec.HTJ2KEncoder();
  const shape = { width: columns, height: rows, bitsPerSample: 16, componentCount: 1, isSigned: false, isUsingColorTransform: false };
  encoder.getDecodedBuffer(shape).set(new Uint8Array(frame(columns, rows).buffer));
  encoder.setQuality(true, 0);
  encoder.encode();
  const encoded = encoder.getEncodedBuffer().slice();
  encoder.delete();
  return encoded;
}

/** As the image loader decodes a frame: a new decoder, never deleted. */
function decode(codec: Codec, encoded: Uint8Array): Uint16Array {
  const decoder = new codec.HTJ2KDecoder();
  decoder.getEncodedBuffer(encoded.length).set(encoded);
  decoder.decodeSubResolution(0);
  return new Uint16Array(decoder.getDecodedBuffer().slice().buffer);
}

it('decodes frames of any size to the last bit, and keeps none of them', async () => {
  const wasm = createRequire(import.meta.url).resolve('@cornerstonejs/codec-openjph/wasm');
  const codec = await openJph({ wasmBinary: readFileSync(wasm) });
  const sizes = [[256, 256], [64, 48], [512, 384]] as const;
  const encoded = sizes.map(([columns, rows]) => encode(codec, columns, rows));
  const exact = () => sizes.every(([columns, rows], i) => Buffer.compare(Buffer.from(decode(codec, encoded[i] as Uint8Array).buffer), Buffer.from(frame(columns, rows).buffer)) === 0);
  expect(exact()).toBe(true);
  const before = codec.HEAPU8.length;
  for (let round = 0; round < 120; round += 1) decode(codec, encoded[2] as Uint8Array); // 60 MB, were they kept
  expect(codec.HEAPU8.length).toBe(before);
  expect(exact()).toBe(true);
});

it('is what the image loader gets for the codec it asks for', () => {
  const loader = createRequire(import.meta.url).resolve('@cornerstonejs/dicom-image-loader/package.json');
  const decoder = readFileSync(loader.replace('package.json', 'dist/esm/shared/decoders/decodeHTJ2K.js'), 'utf8');
  expect(decoder).toContain("from '@cornerstonejs/codec-openjph/wasmjs'");
  expect(asTheLoaderSeesIt).toBe(openJph);
});
