import { Anchor, Stack } from '@mantine/core';
import { Link } from 'react-router';

import { PageHeader } from '@/components/page-header';

import { CsvImport } from './csv-import';
import { Deliveries } from './deliveries';
import { DicomUpload } from './dicom-upload';
import { Pulls } from './pulls';
import { Quarantine } from './quarantine';
import { Received } from './received';

export function ImportPage() {
  return (
    <>
      <Anchor component={Link} to="/cohort" size="sm">← Cohort</Anchor>
      <PageHeader title="Import" description="First the tables, so that images find their patients; then the images." />
      <Stack>
        <CsvImport />
        <DicomUpload />
        <Pulls />
        <Received />
        <Quarantine />
        <Deliveries />
      </Stack>
    </>
  );
}
