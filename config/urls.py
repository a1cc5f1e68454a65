"""Every route of the server: the API by app, and the single-page front end for the rest."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.accounts import views as accounts
from config.frontend import index
from config.health import healthz

urlpatterns = [
    path("healthz", healthz),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    # "Split": its script comes by an address of its own, since the policy refuses inline ones.
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("api/auth/me/", accounts.Me.as_view()),
    path("api/auth/login/", accounts.Login.as_view()),
    path("api/auth/logout/", accounts.Logout.as_view()),
    path("api/", include("cohort.urls")),
    path("api/", include("annotation.urls")),
    path("api/", include("modeling.urls")),
    path("dicom-web/", include("cohort.dicomweb.urls")),
    re_path(r"^(?!api/|dicom-web/|static/|admin/|assets/).*$", index),
]
