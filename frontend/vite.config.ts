import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const api = process.env.ODONTOID_API ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: {
      '@': here('./src'),
      // The image loader's way with this codec fills the decode worker's memory.
      '@cornerstonejs/codec-openjph/wasmjs': here('./src/viewer/htj2k-codec.ts'),
      // vtk.js reaches xmlbuilder2 for file formats we never write; it wants Node's `events` and
      // leaves a blank page in production.
      xmlbuilder2: here('./src/stubs/xmlbuilder2.ts'),
    },
  },
  worker: { format: 'es' },
  optimizeDeps: {
    // The loader starts its worker by a relative URL that pre-bundling would break; what it pulls
    // in as CommonJS must then be named here.
    exclude: ['@cornerstonejs/dicom-image-loader'],
    include: [
      '@cornerstonejs/core',
      '@cornerstonejs/metadata',
      '@cornerstonejs/tools',
      'dicom-parser',
      'comlink',
      'pako',
      '@cornerstonejs/codec-charls/decodewasmjs',
      '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs',
      '@cornerstonejs/codec-openjpeg/decodewasmjs',
      '@cornerstonejs/codec-openjph',
    ],
  },
  build: { target: 'es2022', chunkSizeWarningLimit: 6000 },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(['/api', '/admin', '/static'].map((path) => [path, { target: api }])),
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test-setup.ts'],
    restoreMocks: true,
    maxWorkers: '100%', // nothing else runs beside these tests
  },
});
