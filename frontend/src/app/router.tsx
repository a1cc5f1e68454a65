import { type ComponentType, lazy, Suspense } from 'react';
import { createBrowserRouter, Navigate, type RouteObject } from 'react-router';

import { PageLoader } from '@/components/page-loader';
import { LoginPage } from '@/features/account/login-page';

import { ByRole, ForRoles, SignedIn } from './guards';
import { NotFoundPage } from './not-found';
import { RouteError } from './route-error';
import { Shell } from './shell';
import { Titled } from './titled';

/** Each page is its own chunk: a reader never downloads the lead's charts, nor the lead the viewer. */
function page<M>(title: string, load: () => Promise<M>, pick: (module: M) => ComponentType) {
  const Page = lazy(async () => ({ default: pick(await load()) }));
  return (
    <Titled title={title}>
      <Suspense fallback={<PageLoader />}>
        <Page />
      </Suspense>
    </Titled>
  );
}

const worklist = page('Worklist', () => import('@/features/worklist'), (m) => m.WorklistPage);

export const routes: RouteObject[] = [
  { path: '/login', element: <Titled title="Sign in"><LoginPage /></Titled>, errorElement: <RouteError /> },
  {
    element: <SignedIn />,
    errorElement: <RouteError />,
    children: [
      {
        // Full-screen: these bring their own header.
        element: <ForRoles roles={['observer', 'adjudicator']} />,
        children: [
          { path: '/read/:code', element: page('Case :code – Reading', () => import('@/features/reading'), (m) => m.ReadingPage) },
          { path: '/training/:code', element: page('Phantom :code – Training', () => import('@/features/reading'), (m) => m.PhantomPage) },
          { path: '/consensus/:code', element: page('Consensus :code', () => import('@/features/consensus'), (m) => m.ConsensusPage) },
        ],
      },
      {
        element: <Shell />,
        children: [
          {
            path: '/',
            element: (
              <ByRole
                pages={{
                  observer: worklist,
                  adjudicator: worklist,
                  lead: page('Dashboard', () => import('./dashboard'), (m) => m.DashboardPage),
                }}
              />
            ),
          },
          {
            element: <ForRoles roles={['observer', 'adjudicator']} />,
            children: [
              { path: '/training', element: page('Training and qualification', () => import('@/features/qualification'), (m) => m.TrainingPage) },
            ],
          },
          {
            element: <ForRoles roles={['lead']} />,
            children: [
              { path: '/cohort', element: page('Cohort', () => import('@/features/cohort'), (m) => m.CohortPage) },
              { path: '/cohort/import', element: page('Import – Cohort', () => import('@/features/cohort'), (m) => m.ImportPage) },
              { path: '/cohort/chart-review', element: page('Chart review – Cohort', () => import('@/features/cohort'), (m) => m.ChartReviewPage) },
              { path: '/cohort/criteria', element: page('Criteria – Cohort', () => import('@/features/cohort'), (m) => m.CriteriaPage) },
              { path: '/cohort/table-1', element: page('Table 1 – Cohort', () => import('@/features/cohort'), (m) => m.TableOnePage) },
              { path: '/cohort/patients/:pseudonym', element: page('Patient :pseudonym', () => import('@/features/cohort'), (m) => m.PatientPage) },
              { path: '/progress', element: page('Progress', () => import('@/features/progress'), (m) => m.ProgressPage) },
              { path: '/qualification', element: page('Qualification', () => import('@/features/qualification'), (m) => m.QualificationPage) },
              { path: '/labels', element: page('Labels', () => import('@/features/labels'), (m) => m.LabelsPage) },
              { path: '/label-sets/:id', element: page('Label set :id', () => import('@/features/labels'), (m) => m.LabelSetPage) },
              { path: '/runs', element: page('Runs', () => import('@/features/runs'), (m) => m.RunsPage) },
              { path: '/runs/published', element: page('Published figures – Runs', () => import('@/features/runs'), (m) => m.PublishedPage) },
              { path: '/runs/:id', element: page('Run :id', () => import('@/features/runs'), (m) => m.RunPage) },
              { path: '/runs/:id/trust', element: page('Trust report – Run :id', () => import('@/features/runs'), (m) => m.TrustPage) },
              { path: '/runs/:id/patients/:pseudonym', element: page('Patient :pseudonym – Run :id', () => import('@/features/runs'), (m) => m.RunPatientPage) },
              { path: '/charter', element: page('Charter', () => import('@/features/charter'), (m) => m.CharterPage) },
              { path: '/audit', element: page('Audit trail', () => import('@/features/audit'), (m) => m.AuditPage) },
            ],
          },
          { path: '/index.html', element: <Navigate to="/" replace /> },
          { path: '*', element: <NotFoundPage /> },
        ],
      },
    ],
  },
];

export const router = createBrowserRouter(routes);
