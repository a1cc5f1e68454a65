// Built with the front end's Vite from its packages: `vite build --config …` in frontend/.
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const frontend = here('../../../frontend');

export default {
  root: here('.'),
  base: '/static/bare-page/',
  plugins: [
    {
      name: 'packages-of-the-front-end',
      enforce: 'pre',
      resolveId(source, importer) {
        if (!source.startsWith('@cornerstonejs/') || !importer?.startsWith(here('.'))) return null;
        return this.resolve(source, `${frontend}/src/main.tsx`);
      },
    },
  ],
  resolve: { alias: { xmlbuilder2: `${frontend}/src/stubs/xmlbuilder2.ts` } },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    outDir: here('../../../var/bench/bare-page'),
    emptyOutDir: true,
    chunkSizeWarningLimit: 6000,
  },
};
