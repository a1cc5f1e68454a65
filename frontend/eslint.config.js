import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import { readdirSync } from 'node:fs';
import tseslint from 'typescript-eslint';

const features = readdirSync(new URL('./src/features', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

const cornerstone = {
  regex: '^(@cornerstonejs/|@kitware/vtk|dicom-parser)',
  message: 'Only src/viewer imports Cornerstone: use a component of "@/viewer".',
};
const appAbove = {
  regex: '^@/app(/|$)',
  message: 'src/app imports features, never the other way: move it to src/components or src/lib.',
};
const boundary = (...patterns) => ({
  'no-restricted-imports': 'off',
  '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
});

export default tseslint.config(
  { ignores: ['dist', 'src/types/api.ts'] },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    files: ['src/**/*.{ts,tsx}', 'vite.config.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'react-hooks': reactHooks },
    rules: {
      ...reactHooks.configs.recommended.rules,
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
    },
  },
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['**/*.mjs', 'eslint.config.js'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
  { files: ['src/**/*.{ts,tsx}'], rules: boundary(cornerstone) },
  { files: ['src/{components,lib}/**/*.{ts,tsx}'], rules: boundary(cornerstone, appAbove, {
    regex: '^@/features(/|$)', message: 'Shared code imports no feature: turn the dependency round.' }) },
  { files: ['src/viewer/**/*.{ts,tsx}'], rules: boundary({
    regex: '^@/(app|features|lib/api-client|types/api)', message: 'The viewer knows image ids and callbacks, never readings or the API.' }) },
  ...features.map((feature) => ({
    files: [`src/features/${feature}/**/*.{ts,tsx}`],
    rules: boundary(cornerstone, appAbove, {
      regex: `^(@/features/|(\\.\\./)+)(${features.filter((other) => other !== feature).join('|') || '-'})(/|$)`,
      message: 'Features never import each other: move what both need to src/components or src/lib.',
    }),
  })),
);
