from django.apps import AppConfig


class AnnotationConfig(AppConfig):
    name = "annotation"

    def ready(self) -> None:
        from annotation import audit  # models are there only now
        from config import trail

        trail.keep_with(audit.record)
