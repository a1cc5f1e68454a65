import { Alert, Anchor, Box, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';

import { ErrorNotice } from '@/components/error-notice';
import { PageLoader } from '@/components/page-loader';
import { rubricQuery } from '@/components/scoring/rubric-query';
import { useDarkRoom } from '@/components/scoring/use-dark-room';
import { useScans } from '@/components/scoring/use-scans';
import { useUser } from '@/lib/session';

import { sessionQuery } from './api';
import { ConsensusRoom } from './consensus-room';

export function ConsensusPage() {
  const { code = '' } = useParams();
  useDarkRoom();
  return (
    <Box bg="dark.8" c="gray.2" mih="100vh">
      <LoadedSession key={code} code={code} />
    </Box>
  );
}

function LoadedSession({ code }: { code: string }) {
  const user = useUser();
  const rubric = useQuery(rubricQuery);
  const session = useQuery(sessionQuery(code));
  const { scans, error: imageError, retry, showSeries, failure } = useScans(session.data?.case_code ?? '', session.data?.scans);
  const error = rubric.error ?? (session.data ? null : session.error);
  if (error) {
    return (
      <Box p="md">
        <ErrorNotice error={error} title="This consensus session could not be opened" onRetry={() => void session.refetch()} />
      </Box>
    );
  }
  if (!rubric.data || !session.data || !user) return <PageLoader label="Opening the session" />;
  if (session.data.outcome !== 'open') return <Closed agreed={session.data.outcome === 'agreed'} />;
  return (
    <ConsensusRoom
      username={user.username}
      rubric={rubric.data}
      session={session.data}
      scans={scans}
      imageError={imageError}
      onRetryImages={retry}
      onSeries={showSeries}
      seriesFailure={failure}
      onChanged={() => void session.refetch()}
    />
  );
}

function Closed({ agreed }: { agreed: boolean }) {
  return (
    <Stack maw={520} mx="auto" py="xl" px="md">
      <Alert color={agreed ? 'teal' : 'gray'} title={agreed ? 'Consensus reached' : 'No consensus'} role="status">
        {agreed
          ? 'Both of you signed one read; it is the final one for this case.'
          : 'The neurosurgeon reads this case now, without seeing either read.'}
      </Alert>
      <Anchor component={Link} to="/">Back to the worklist</Anchor>
    </Stack>
  );
}
