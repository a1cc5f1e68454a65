import { Button, Modal } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPhoto } from '@tabler/icons-react';

import { SeriesImages } from '@/components/series-images';

interface Props {
  seriesUid: string;
  label: string;
}

/** Opens one series in the viewer. */
export function ImagesButton({ seriesUid, label }: Props) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="compact-sm" variant="default" leftSection={<IconPhoto size={14} aria-hidden />} onClick={open}>Images</Button>
      <Modal opened={opened} onClose={close} size="90vw" title={label} closeButtonProps={{ 'aria-label': 'Close' }}>
        <div style={{ height: 'calc(100vh - 170px)' }}><SeriesImages seriesUid={seriesUid} label={label} /></div>
      </Modal>
    </>
  );
}
