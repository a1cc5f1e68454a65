import { PageLoader } from '@/components/page-loader';

export function WorklistPage() {
  return <PageLoader />;
}
