import { Button, Menu } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';

/** The signed reads behind the final labels, as files; reads of open cases are in none of them. */
export function DownloadReads({ disabled }: { disabled: boolean }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" disabled={disabled} leftSection={<IconDownload size={16} aria-hidden />}>Download reads</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href="/api/reads.csv" download>Table, CSV</Menu.Item>
        <Menu.Item component="a" href="/api/reads.json" download>With measurements and signatures, JSON</Menu.Item>
        <Menu.Item component="a" href="/api/reads/sr.zip" download>DICOM SR, one a scan, zip</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
