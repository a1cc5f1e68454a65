import { PageLoader } from '@/components/page-loader';

export function ConsensusPage() {
  return <PageLoader />;
}
