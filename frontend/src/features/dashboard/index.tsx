import { PageLoader } from '@/components/page-loader';

export function DashboardPage() {
  return <PageLoader />;
}
