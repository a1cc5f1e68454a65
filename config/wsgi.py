"""WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
# All views now: workers that are forked from here share them, and no first request waits for their loading.
get_resolver().url_patterns  # noqa: B018
