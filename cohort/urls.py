from django.urls import path

from cohort import pull_views, stow, views

urlpatterns = [
    path("cohort/flow/", views.FlowView.as_view()),
    path("cohort/criteria/", views.Criteria.as_view()),
    path("cohort/flow.svg", views.FlowFigure.as_view()),
    path("cohort/flow.csv", views.FlowTable.as_view()),
    path("cohort/patients/", views.PatientList.as_view()),
    path("cohort/patients/<str:pseudonym>/", views.PatientDetail.as_view()),
    path("cohort/patients/<str:pseudonym>/scan-pair/", views.ChooseScanPair.as_view()),
    path("cohort/patients/<str:pseudonym>/scan-pair/restore-rule/", views.RestoreScanRule.as_view()),
    path("cohort/patients/<str:pseudonym>/chart-review/", views.DecideChartReview.as_view()),
    path("cohort/chart-review/", views.ReviewQueue.as_view()),
    path("cohort/chart-review/<int:pk>/take-back/", views.TakeBackChartReview.as_view()),
    path("cohort/imports/", views.Imports.as_view()),
    path("cohort/dicom/", views.DicomUpload.as_view()),
    path("cohort/nodes/", pull_views.Nodes.as_view()),
    path("cohort/nodes/<str:name>/check/", pull_views.CheckNode.as_view()),
    path("cohort/pulls/", pull_views.Pulls.as_view()),
    path("cohort/pulls/<int:pk>/", pull_views.PullDetail.as_view()),
    path("cohort/pulls/<int:pk>/items/", pull_views.PullItems.as_view()),
    path("cohort/pulls/<int:pk>/cancel/", pull_views.CancelPull.as_view()),
    path("cohort/pulls/<int:pk>/report.csv", pull_views.PullReport.as_view()),
    path("stow/studies", stow.StoreInstances.as_view()),
    path("stow/studies/<str:study>", stow.StoreInstances.as_view()),
    path("cohort/quarantine/", views.QuarantineList.as_view()),
    path("cohort/quarantine/<str:series_uid>/release/", views.ReleaseSeries.as_view()),
    path("cohort/quarantine/<str:series_uid>/discard/", views.DiscardSeries.as_view()),
    path("cohort/series/<str:series_uid>/metadata/", views.SeriesMetadata.as_view()),
    path("cohort/series/<str:series_uid>/instances/<str:sop_uid>/frames/1", views.Frame.as_view()),
]
