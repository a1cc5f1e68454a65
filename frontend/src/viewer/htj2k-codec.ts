/**
 * OpenJPH for the decode worker, with one decoder for all frames (see vite.config.ts).
 *
 * The image loader makes a decoder for each frame and never deletes it, and WebAssembly memory is not
 * garbage: every frame would stay there, compressed and decoded, until the browser's limit stops the
 * decoding after a hundred cases or so. A frame is decoded in one go, so one decoder serves them all.
 */
import openJph from '@cornerstonejs/codec-openjph';

export default async function openJphWithOneDecoder(options?: object): Promise<OpenJph> {
  const codec = await openJph(options);
  const decoder = new codec.HTJ2KDecoder();
  codec.HTJ2KDecoder = class {
    constructor() {
      return decoder;
    }
  } as OpenJph['HTJ2KDecoder'];
  return codec;
}

type OpenJph = Awaited<ReturnType<typeof openJph>>;
