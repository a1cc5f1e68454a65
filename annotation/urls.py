"""Routes under /api/. Every route stands in the role × route table of tests/test_routes.py."""

from django.urls import path

from annotation import (
    audit_views,
    lead_views,
    qualification_views,
    read_export_views,
    table_one_views,
    views,
)

_CASE = "reading/cases/<str:code>/"
_PHANTOM = "qualification/reads/<str:code>/"
_PHANTOM_SERIES = f"{_PHANTOM}wado/studies/<str:study>/series/<str:series>/"
_SERIES = f"{_CASE}wado/studies/<str:study>/series/<str:series>/"

urlpatterns = [
    path("reading/rubric/", views.Rubric.as_view()),
    path("reading/worklist/", views.Worklist.as_view()),
    path(_CASE, views.ReadCase.as_view()),
    path(f"{_CASE}draft/", views.SaveDraft.as_view()),
    path(f"{_CASE}sign/", views.SignReading.as_view()),
    path(f"{_CASE}amend/", views.AmendReading.as_view()),
    path(f"{_SERIES}metadata", views.SeriesMetadata.as_view()),
    path(f"{_SERIES}instances/<str:sop>/frames/1", views.Frame.as_view()),
    path("consensus/<str:code>/", views.ReadConsensus.as_view()),
    path("consensus/<str:code>/draft/", views.SaveConsensus.as_view()),
    path("consensus/<str:code>/propose/", views.ProposeConsensus.as_view()),
    path("consensus/<str:code>/confirm/", views.ConfirmConsensus.as_view()),
    path("consensus/<str:code>/decline/", views.DeclineConsensus.as_view()),
    path("qualification/", qualification_views.OwnQualification.as_view()),
    path("qualification/attempts/", qualification_views.StartAttempt.as_view()),
    path("qualification/training/<int:pk>/", qualification_views.StartTraining.as_view()),
    path("qualification/overview/", qualification_views.Overview.as_view()),
    path("qualification/cases/", qualification_views.MakeCases.as_view()),
    path(_PHANTOM, qualification_views.ReadPhantom.as_view()),
    path(f"{_PHANTOM}draft/", qualification_views.SavePhantomDraft.as_view()),
    path(f"{_PHANTOM}sign/", qualification_views.SignPhantom.as_view()),
    path(f"{_PHANTOM_SERIES}metadata", qualification_views.PhantomMetadata.as_view()),
    path(f"{_PHANTOM_SERIES}instances/<str:sop>/frames/1", qualification_views.PhantomFrame.as_view()),
    path("progress/", lead_views.Progress.as_view()),
    path("progress/monitoring/", lead_views.Monitoring.as_view()),
    path("progress/tables/<str:name>.csv", lead_views.Table.as_view()),
    path("agreement/", lead_views.Agreement.as_view()),
    path("labels/", lead_views.Labels.as_view()),
    path("labels/<int:pk>/", lead_views.Label.as_view()),
    path("labels/<int:pk>/attestation/", lead_views.Attestation.as_view()),
    path("reads.csv", read_export_views.ReadsTable.as_view()),
    path("reads.json", read_export_views.ReadsDocument.as_view()),
    path("reads/sr.zip", read_export_views.AllReports.as_view()),
    path("reads/<int:pk>/sr.zip", read_export_views.ReadReports.as_view()),
    path("lead-review/", lead_views.LeadReview.as_view()),
    path("lead-review/<int:pk>/resolve/", lead_views.ResolveReview.as_view()),
    path("read-plan/", lead_views.OpenReading.as_view()),
    path("read-plan/replace/", lead_views.ReplaceReader.as_view()),
    path("charter/", lead_views.CharterPage.as_view()),
    path("charter/check/", lead_views.CheckCharter.as_view()),
    path("notices/", views.Notices.as_view()),
    path("table-one/", table_one_views.TableOne.as_view()),
    path("table-one.csv", table_one_views.TableOneFile.as_view()),
    path("audit/", audit_views.Audit.as_view()),
    path("audit/choices/", audit_views.AuditChoices.as_view()),
    path("audit/verify/", audit_views.VerifyAudit.as_view()),
]
