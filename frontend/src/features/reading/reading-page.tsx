import { Box } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect } from 'react';
import { useParams } from 'react-router';

import { ErrorNotice } from '@/components/error-notice';
import { PageLoader } from '@/components/page-loader';
import { rubricQuery } from '@/components/scoring/rubric-query';
import { useDarkRoom } from '@/components/scoring/use-dark-room';
import { useScans } from '@/components/scoring/use-scans';
import { useUser } from '@/lib/session';
import { loadAhead } from '@/viewer';

import { useCaseAhead, useFetchedAhead, useForgotten } from './ahead';
import { caseQuery, PHANTOMS, progressQuery, type ReadSource, STUDY } from './api';
import { ReadingRoom } from './reading-room';
import { useLookAgain } from './use-look-again';

/** A case of the study. */
export function ReadingPage() {
  return <Room source={STUDY} />;
}

/** A phantom with known truth, in the same room. */
export function PhantomPage() {
  return <Room source={PHANTOMS} />;
}

/** Loads one case; everything in it starts anew with the next code. */
function Room({ source }: { source: ReadSource }) {
  const { code = '' } = useParams();
  useDarkRoom();
  useEffect(() => () => void loadAhead([]), []);
  return (
    <Box bg="dark.8" c="gray.2" mih="100vh">
      <LoadedCase key={code} code={code} source={source} />
    </Box>
  );
}

function LoadedCase({ code, source }: { code: string; source: ReadSource }) {
  const user = useUser();
  const rubric = useQuery(rubricQuery);
  const ahead = useFetchedAhead(code);
  // What was fetched ahead is shown at once, and asked for again: it may have been saved elsewhere since.
  const opened = useQuery({ ...caseQuery(code, source), initialData: ahead, refetchOnMount: ahead ? 'always' : true });
  const { scans, error: imageError, retry, showSeries, failure } = useScans(code, opened.data?.scans, source.from);
  useCaseAhead(source, opened.data?.next, scans !== null);
  useForgotten(code);
  const { refetch } = opened;
  const onChanged = useCallback(() => void refetch(), [refetch]);
  useLookAgain(code, opened.data, refetch);
  const { data: progress } = useQuery({ ...progressQuery, enabled: source === STUDY });
  // What is there stays: a lost network must not take the page away.
  const error = (rubric.data ? null : rubric.error) ?? (opened.data ? null : opened.error);
  if (error) {
    return (
      <Box p="md">
        <ErrorNotice
          error={error}
          title="This case could not be opened"
          onRetry={() => {
            void rubric.refetch();
            void opened.refetch();
          }}
        />
      </Box>
    );
  }
  if (!rubric.data || !opened.data || !user) return <PageLoader label="Opening the case" />;
  const { version, state } = opened.data.reading;
  return (
    <ReadingRoom
      // An amendment is another version with a draft of its own.
      key={`${version}-${state}`}
      source={source}
      username={user.username}
      rubric={rubric.data}
      opened={opened.data}
      scans={scans}
      imageError={imageError}
      onRetryImages={retry}
      onSeries={showSeries}
      seriesFailure={failure}
      onChanged={onChanged}
      progress={source === STUDY ? progress : undefined}
    />
  );
}
