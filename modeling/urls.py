from django.urls import path

from modeling import file_views, views

urlpatterns = [
    path("label-sets/", views.LabelSets.as_view()),
    path("label-sets/<int:pk>/", views.LabelSetDetail.as_view()),
    path("label-sets/<int:pk>/manifest.json", views.LabelSetManifest.as_view()),
    path("runs/", views.Runs.as_view()),
    path("runs/<int:pk>/", views.RunDetail.as_view()),
    path("runs/<int:pk>/cancel/", views.RunCancel.as_view()),
    path("runs/<int:pk>/retry/", views.RunRetry.as_view()),
    path("runs/<int:pk>/log/", views.RunLog.as_view()),
    path("runs/<int:pk>/predictions/", views.RunPredictions.as_view()),
    path("runs/<int:pk>/predictions.csv", views.RunPredictionsFile.as_view()),
    path("runs/<int:pk>/patients/<str:pseudonym>/", views.RunPatient.as_view()),
    path("runs/<int:pk>/trust/", file_views.RunTrust.as_view()),
    path("runs/<int:pk>/networks/<str:name>", file_views.RunNetwork.as_view()),
    path("runs/<int:pk>/bundle.zip", file_views.RunBundle.as_view()),
    path("runs/<int:pk>/model-card.md", file_views.RunModelCard.as_view()),
    path("runs/<int:pk>/patients/<str:pseudonym>/overlay.png", file_views.RunOverlay.as_view()),
    path("runs/<int:pk>/patients/<str:pseudonym>/map.dcm", file_views.RunMapDicom.as_view()),
    path("run-pairs/", file_views.RunPairs.as_view()),
    path("recipes/", views.Recipes.as_view()),
    path("paper/", views.Paper.as_view()),
    path("paper/check/", views.PublishedCheck.as_view()),
]
