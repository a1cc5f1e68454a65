import { Button } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';

/** Downloads one of the lead's tables; `name` is a key of annotation/lead_tables.py. */
export function CsvLink({ name, label }: { name: string; label: string }) {
  return (
    <Button
      component="a"
      href={`/api/progress/tables/${name}.csv`}
      download
      variant="default"
      size="compact-sm"
      leftSection={<IconDownload size={14} aria-hidden />}
      aria-label={`Download ${label} as CSV`}
    >
      CSV
    </Button>
  );
}
