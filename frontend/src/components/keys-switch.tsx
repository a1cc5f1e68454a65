import { Switch } from '@mantine/core';

interface Props {
  /** Single characters work wherever the focus is. */
  anywhere: boolean;
  onAnywhere: (anywhere: boolean) => void;
  /** Where they work when this is off. */
  at: string;
}

/** WCAG 2.1.4: single-character keys can be kept to what has the focus. */
export function KeysSwitch({ anywhere, onAnywhere, at }: Props) {
  return (
    <Switch
      label="Letters, digits and signs work wherever the focus is"
      description={`Off: only on ${at} that has the focus. For speech input, which types them anywhere.`}
      checked={anywhere}
      onChange={(event) => onAnywhere(event.currentTarget.checked)}
    />
  );
}
