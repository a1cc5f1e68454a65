"""The addresses of PS3.18 Table 10.1.1-1, without a slash at their end."""

from django.urls import path

from cohort.dicomweb import views

_STUDY = "studies/<str:study>"
_SERIES = f"{_STUDY}/series/<str:series>"
_INSTANCE = f"{_SERIES}/instances/<str:sop>"

urlpatterns = [
    path("studies", views.Studies.as_view(), name="dicomweb-studies"),
    path("series", views.SeriesSearch.as_view()),
    path("instances", views.InstanceSearch.as_view()),
    path(f"{_STUDY}/series", views.SeriesSearch.as_view()),
    path(f"{_STUDY}/instances", views.InstanceSearch.as_view()),
    path(f"{_SERIES}/instances", views.InstanceSearch.as_view()),
    path(_STUDY, views.Retrieve.as_view()),
    path(_SERIES, views.Retrieve.as_view()),
    path(_INSTANCE, views.Retrieve.as_view()),
    path(f"{_STUDY}/metadata", views.Metadata.as_view()),
    path(f"{_SERIES}/metadata", views.Metadata.as_view()),
    path(f"{_INSTANCE}/metadata", views.Metadata.as_view()),
    path(f"{_INSTANCE}/frames/<str:frames>", views.Frames.as_view()),
    path(f"{_INSTANCE}/bulkdata/<str:tag>", views.BulkData.as_view()),
    path(f"{_STUDY}/rendered", views.Rendered.as_view()),
    path(f"{_SERIES}/rendered", views.Rendered.as_view()),
    path(f"{_INSTANCE}/rendered", views.Rendered.as_view()),
    path(f"{_INSTANCE}/frames/<str:frames>/rendered", views.Rendered.as_view()),
    path(f"{_STUDY}/thumbnail", views.Thumbnail.as_view()),
    path(f"{_SERIES}/thumbnail", views.Thumbnail.as_view()),
    path(f"{_INSTANCE}/thumbnail", views.Thumbnail.as_view()),
    path(f"{_INSTANCE}/frames/<str:frames>/thumbnail", views.Thumbnail.as_view()),
]
