from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The project itself as an app, for its own commands: serve, demo."""

    name = "config"
