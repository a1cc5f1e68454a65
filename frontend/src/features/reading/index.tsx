import { PageLoader } from '@/components/page-loader';

export function ReadingPage() {
  return <PageLoader />;
}
