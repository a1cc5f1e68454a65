import { type ComponentType, lazy, Suspense } from 'react';
import { createBrowserRouter, Navigate } from 'react-router';

import { PageLoader } from '@/components/page-loader';
import { LoginPage } from '@/features/account/login-page';

import { ByRole, ForRoles, SignedIn } from './guards';
import { NotFoundPage } from './not-found';
import { RouteError } from './route-error';
import { Shell } from './shell';

/** Each page is its own chunk: a reader never downloads the lead's charts, nor the lead the viewer. */
function page<M>(load: () => Promise<M>, pick: (module: M) => ComponentType) {
  const Page = lazy(async () => ({ default: pick(await load()) }));
  return (
    <Suspense fallback={<PageLoader />}>
      <Page />
    </Suspense>
  );
}

const worklist = page(() => import('@/features/worklist'), (m) => m.WorklistPage);

export const router = createBrowserRouter([
  { path: '/login', element: <LoginPage />, errorElement: <RouteError /> },
  {
    element: <SignedIn />,
    errorElement: <RouteError />,
    children: [
      {
        // Full-screen: these bring their own header.
        element: <ForRoles roles={['observer', 'adjudicator']} />,
        children: [
          { path: '/read/:code', element: page(() => import('@/features/reading'), (m) => m.ReadingPage) },
          { path: '/training/:code', element: page(() => import('@/features/reading'), (m) => m.PhantomPage) },
          { path: '/consensus/:code', element: page(() => import('@/features/consensus'), (m) => m.ConsensusPage) },
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
                  lead: page(() => import('./dashboard'), (m) => m.DashboardPage),
                }}
              />
            ),
          },
          {
            element: <ForRoles roles={['observer', 'adjudicator']} />,
            children: [
              { path: '/training', element: page(() => import('@/features/qualification'), (m) => m.TrainingPage) },
            ],
          },
          {
            element: <ForRoles roles={['lead']} />,
            children: [
              { path: '/cohort', element: page(() => import('@/features/cohort'), (m) => m.CohortPage) },
              { path: '/cohort/import', element: page(() => import('@/features/cohort'), (m) => m.ImportPage) },
              { path: '/cohort/chart-review', element: page(() => import('@/features/cohort'), (m) => m.ChartReviewPage) },
              { path: '/cohort/criteria', element: page(() => import('@/features/cohort'), (m) => m.CriteriaPage) },
              { path: '/cohort/table-1', element: page(() => import('@/features/cohort'), (m) => m.TableOnePage) },
              { path: '/cohort/patients/:pseudonym', element: page(() => import('@/features/cohort'), (m) => m.PatientPage) },
              { path: '/progress', element: page(() => import('@/features/progress'), (m) => m.ProgressPage) },
              { path: '/qualification', element: page(() => import('@/features/qualification'), (m) => m.QualificationPage) },
              { path: '/labels', element: page(() => import('@/features/labels'), (m) => m.LabelsPage) },
              { path: '/label-sets/:id', element: page(() => import('@/features/labels'), (m) => m.LabelSetPage) },
              { path: '/runs', element: page(() => import('@/features/runs'), (m) => m.RunsPage) },
              { path: '/runs/published', element: page(() => import('@/features/runs'), (m) => m.PublishedPage) },
              { path: '/runs/:id', element: page(() => import('@/features/runs'), (m) => m.RunPage) },
              { path: '/runs/:id/trust', element: page(() => import('@/features/runs'), (m) => m.TrustPage) },
              { path: '/runs/:id/patients/:pseudonym', element: page(() => import('@/features/runs'), (m) => m.RunPatientPage) },
              { path: '/charter', element: page(() => import('@/features/charter'), (m) => m.CharterPage) },
              { path: '/audit', element: page(() => import('@/features/audit'), (m) => m.AuditPage) },
            ],
          },
          { path: '/index.html', element: <Navigate to="/" replace /> },
          { path: '*', element: <NotFoundPage /> },
        ],
      },
    ],
  },
]);
