/** The package has no types; these are the parts used here. Buffers are views of WebAssembly memory. */
declare module '@cornerstonejs/codec-openjph' {
  interface FrameInfo {
    width: number;
    height: number;
    bitsPerSample: number;
    componentCount: number;
    isSigned: boolean;
    isUsingColorTransform: boolean;
  }
  interface Decoder {
    getEncodedBuffer(size: number): Uint8Array;
    decodeSubResolution(level: number): void;
    getDecodedBuffer(): Uint8Array;
    delete(): void;
  }
  interface Encoder {
    getDecodedBuffer(frame: FrameInfo): Uint8Array;
    setQuality(lossless: boolean, quality: number): void;
    encode(): void;
    getEncodedBuffer(): Uint8Array;
    delete(): void;
  }
  interface Codec {
    HEAPU8: Uint8Array;
    HTJ2KDecoder: new () => Decoder;
    HTJ2KEncoder: new () => Encoder;
  }
  export default function openJph(options?: object): Promise<Codec>;
}

/** The address by which the image loader asks for it. */
declare module '@cornerstonejs/codec-openjph/wasmjs' {
  export { default } from '@cornerstonejs/codec-openjph';
}
