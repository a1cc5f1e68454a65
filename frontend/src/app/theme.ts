import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const ink: MantineColorsTuple = [
  '#eef4f9', '#dbe6ef', '#b5ccdf', '#8bb0cd', '#6798be', '#5089b4', '#3f7fae', '#2f6c9a', '#22608a', '#0b3c5d',
];

export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: { light: 8, dark: 7 },
  colors: { ink },
  autoContrast: true,
  defaultRadius: 'sm',
  // System fonts: nothing is fetched from outside.
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: '0.75rem', sm: '0.875rem', md: '0.9375rem', lg: '1.0625rem', xl: '1.25rem' },
  headings: { fontWeight: '600' },
  components: {
    Table: { defaultProps: { verticalSpacing: 6, horizontalSpacing: 'sm', highlightOnHover: true } },
    Anchor: { defaultProps: { underline: 'hover' } },
    Modal: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
  },
});

/** Mantine's secondary text and tinted badges miss 4.5 : 1 on their backgrounds (WCAG 2.2, 1.4.3). */
export const accessibleColours: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#55606c',
    '--mantine-color-placeholder': '#6b7280',
    '--mantine-color-orange-light-color': '#8a3200',
    '--mantine-color-yellow-light-color': '#664100',
    '--mantine-color-teal-light-color': '#05573f',
    '--mantine-color-red-light-color': '#971c1c',
    '--mantine-color-blue-light-color': '#0b4a82',
    '--mantine-color-gray-light-color': '#343a40',
  },
  dark: { '--mantine-color-dimmed': '#a6abb0' },
});
