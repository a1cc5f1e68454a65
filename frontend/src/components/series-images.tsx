import { queryOptions, useQuery } from '@tanstack/react-query';
import { Suspense, useMemo } from 'react';

import { api, unwrap } from '@/lib/api-client';
import { buildScan, type DicomJson, type SaliencyOverlay, StackPair, type StackScan } from '@/viewer';

import { ErrorNotice } from './error-notice';
import { PageLoader } from './page-loader';

/** The series' DICOM JSON, as the viewer wants it; the schema leaves its content to DICOM PS3.18. */
const metadataQuery = (uid: string) =>
  queryOptions({
    queryKey: ['series', uid, 'metadata'],
    queryFn: async ({ signal }) =>
      (await unwrap(
        api.GET('/api/cohort/series/{series_uid}/metadata/', { params: { path: { series_uid: uid } }, signal }),
      )) as unknown as DicomJson[],
    staleTime: Infinity,
  });

interface Props {
  seriesUid: string;
  label: string;
  /** The scan's key in the viewer. */
  scan?: string;
  overlay?: SaliencyOverlay | null;
}

/** One series in the viewer, by the lead's own image routes. Fills its parent, which needs a height. */
export function SeriesImages({ seriesUid, label, scan = 'series', overlay = null }: Props) {
  const metadata = useQuery(metadataQuery(seriesUid));
  const built = useMemo((): { scans: StackScan[] } | { error: unknown } | null => {
    if (!metadata.data) return null;
    try {
      const frameUrl = (sop: string) => `/api/cohort/series/${seriesUid}/instances/${sop}/frames/1`;
      return { scans: [buildScan({ key: scan, label, metadata: metadata.data, frameUrl })] };
    } catch (error) {
      return { error };
    }
  }, [metadata.data, seriesUid, scan, label]);
  if (metadata.isError) {
    return <ErrorNotice error={metadata.error} title="The images cannot be shown" onRetry={() => void metadata.refetch()} />;
  }
  if (!built) return <PageLoader label="Loading images" />;
  if ('error' in built) return <ErrorNotice error={built.error} title="The images cannot be shown" />;
  return (
    <Suspense fallback={<PageLoader label="Starting the viewer" />}>
      <StackPair scans={built.scans} overlays={{ [scan]: overlay }} tools={['window', 'zoom', 'pan', 'length']} />
    </Suspense>
  );
}
