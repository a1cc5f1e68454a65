"""Runs followed on their page: a failure tried again, each fold as a job, a trust report asked for."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.demo_site import Site
from tests.e2e.hands import violations
from tests.e2e.pages import Person

#: Two folds that a processor trains in seconds.
TINY = (
    "depth=18\nsize=32\nepochs=1\nfolds=2\nrepeats=1\ninner_folds=0\nthreshold_rule=train\n"
    "calibration=none\nsaliency=no\ntrust=none\nonnx=no"
)
#: The trainer starts a process for each job.
PATIENCE = 240_000


def test_a_lost_image_is_named_and_the_run_tried_again(lead: Person, site: Site) -> None:
    if site.data_dir is None:
        pytest.skip("the demo is served by somebody else: its images are not ours to hide")
    manifest = lead.page.request.get(f"{site.url}api/label-sets/1/manifest.json").json()
    series = manifest["patients"][0]["series"]
    image = site.data_dir / "images" / series["path"] / series["files"][2]
    hidden = image.rename(image.with_suffix(".hidden"))
    lead.goes_to("runs")
    page = lead.page
    page.get_by_role("button", name="Launch a run").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Profile", exact=True).first.click()
    page.get_by_role("option", name="Recommended").click()
    form.get_by_label("Overrides").fill(TINY)
    form.get_by_role("button", name="Launch", exact=True).click()
    page.wait_for_url(re.compile(r"/runs/\d+$"))

    failure = page.get_by_role("alert").filter(has_text="The run failed")
    expect(failure).to_be_visible(timeout=PATIENCE)
    expect(failure).to_contain_text(f"{series['uid']}: {image}: the file is missing")
    hidden.rename(image)
    failure.get_by_role("button", name="Try again").click()
    form.get_by_text("The 0 of 2 folds that are done are kept").wait_for()
    form.get_by_role("button", name="Try again").click()
    form.wait_for(state="hidden")

    folds = page.get_by_role("table", name="Folds of the run")
    expect(folds.get_by_role("row")).to_have_count(3)
    for fold in ("Fold 1", "Fold 2"):
        row = folds.get_by_role("row").filter(has_text=fold)
        expect(row.get_by_text("Succeeded")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("2 of 2 done")).to_be_visible()
    folds.get_by_role("row").filter(has_text="Fold 2").get_by_role("button", name="show").click()
    expect(page.get_by_role("region", name="Log of r0-f1")).to_contain_text("== attempt 1")
    expect(page.get_by_text("AUC", exact=True).first).to_be_visible(timeout=PATIENCE)


def test_a_trust_report_is_made_from_the_page(lead: Person) -> None:
    lead.goes_to("runs/1/trust")
    page = lead.page
    page.get_by_role("button", name=re.compile("^Make the trust report")).click()
    status = page.get_by_role("status").filter(has_text="trust report")
    expect(status).to_contain_text(re.compile("waits for a trainer|being made"))
    expect(page.get_by_role("button", name="Make the trust report again")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name="Randomisation")).to_be_visible()
    expect(page.get_by_text("could not be made")).to_have_count(0)

    # The tests of one kind of map at a time, both verdicts in view.
    report = page.request.get(f"{lead.url}api/runs/1/trust/").json()["report"]["maps"]
    verdicts = page.get_by_role("group", name="Verdicts")
    said = ["passed" if report[kind]["validated"] else "failed" for kind in ("layercam", "gradcam")]
    for kind, name, exactness in (
        ("gradcam", "GradCAM", "GradCAM equals HiResCAM"),
        ("layercam", "LayerCAM", "LayerCAM’s cells do not sum to the logit"),
    ):
        page.get_by_role("radiogroup", name="Tests of").get_by_text(name, exact=True).click()
        rows, columns = report[kind]["grain"]
        expect(page.get_by_text(f"Shown: {name}, maps of {rows} × {columns} cells.")).to_be_visible()
        expect(page.get_by_role("region", name="Exactness")).to_contain_text(exactness)
        expect(verdicts).to_have_text(f"LayerCAM{said[0]}GradCAM{said[1]}")
        assert violations(page) == []


def test_a_published_table_is_checked(lead: Person) -> None:
    lead.goes_to("runs")
    page = lead.page
    page.get_by_role("link", name="Check a published table").click()
    page.get_by_role("button", name="Fill in the reference paper").click()
    found = page.get_by_role("status")
    expect(found).to_contain_text("TP + FP + TN + FN = 9 + 7 + 48 + 4 = 68, but n is stated as 67")
    allowed = page.get_by_role("table", name="Matrices that the printed counts and margins allow")
    expect(allowed.get_by_role("row")).to_have_count(3)
    page.get_by_role("button", name="Clear").click()
    for label, value in (("TP", "9"), ("FP", "7"), ("TN", "48"), ("FN", "3"), ("Patients", "67")):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Sensitivity", exact=True).fill("75%")
    page.keyboard.press("Enter")
    expect(found).to_contain_text("All can be true together")
    page.get_by_label("Sensitivity", exact=True).fill("0.69")
    page.keyboard.press("Enter")
    expect(found).to_contain_text("sensitivity 0.69 does not follow")
    page.get_by_label("TP", exact=True).fill("nine")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="'nine' is not a whole number")).to_be_visible()
    assert page.get_by_label("FN", exact=True).input_value() == "3", "what was typed is kept"


def test_a_run_shows_what_its_figures_rest_on(lead: Person) -> None:
    """Policies, ceiling, hazard, what adjudication and more patients would buy, the errors: as stored."""
    lead.goes_to("runs/1")
    page = lead.page
    found = page.request.get(f"{lead.url}api/runs/1/").json()["result"]

    policies = page.get_by_role("table", name="Figures under each policy for an intermediate follow-up")
    for name, key in (("Negative", "negative"), ("Left out", "exclude"), ("Positive", "positive")):
        row = policies.get_by_role("row").filter(has_text=name)
        figures = [str(found["intermediate_policies"][key][what]) for what in ("n", "positives")]
        row.wait_for()
        assert row.get_by_role("cell").all_inner_texts()[-7:-5] == figures
    ceiling = page.get_by_role("table", name="One observer's labels judged by the final ones")
    ceiling.wait_for()
    assert ceiling.get_by_role("row").count() == 1 + len(found["readers"]["rows"])
    hazard = page.get_by_role("region", name="Hazard view")
    if found["hazard"]:
        expect(hazard).to_contain_text(f"{found['hazard']['auc']['value']:.3f}")
    else:
        expect(hazard).to_contain_text("No hazard model could be fitted")
    learned = page.get_by_role("table", name="The same recipe trained on different labels")
    expect(learned.get_by_role("row")).to_have_count(4)
    expect(learned.get_by_role("row").filter(has_text="Observer 2 alone")).to_contain_text("not launched")
    more = page.get_by_role("region", name="Learning curve")
    expect(more).to_contain_text("Takes runs on a quarter, a half and three quarters")

    tested = page.get_by_role("table", name="Test patients with score and cell")
    page.get_by_text("Worst errors").click()
    rows = [
        (row["score"], row["outcome"])
        for row in page.request.get(f"{lead.url}api/runs/1/predictions/").json()
        if row["split"] == "test"
    ]
    worst = max(rows, key=lambda row: abs(row[1] - row[0]))
    first = tested.get_by_role("row").nth(1)
    expect(first).to_contain_text(f"{worst[0]:.3f}")
    expect(first).to_contain_text("1 – deformity" if worst[1] else "0 – none")


@pytest.mark.parametrize("validated", [[], ["gradcam"], ["layercam", "gradcam"]])
def test_the_gallery_says_which_maps_were_tested(lead: Person, validated: list[str]) -> None:
    """Whatever a small run's maps pass: it opens on the kind the server names, each with its own verdict."""
    page = lead.page
    url = f"{lead.url}api/runs/1/trust/"
    answer = page.request.get(url).json()
    for kind in answer["maps"]:
        answer["maps"][kind]["validated"] = kind in validated
    answer["default_map"] = "gradcam" if validated == ["gradcam"] else "layercam"
    page.route(url, lambda route: route.fulfill(json=answer))
    lead.goes_to("runs/1/trust")
    gallery = page.get_by_role("region", name="Saliency gallery")
    maps = gallery.get_by_role("img", name="saliency map of patient")
    expect(maps.first).to_have_attribute("src", re.compile(f"map={answer['default_map']}$"))
    choices = (
        ("LayerCAM of the answer given", "map=layercam"),
        ("GradCAM of the answer given", "map=gradcam"),
        ("LayerCAM, for deformity", "method=layercam"),
        ("LayerCAM, against deformity", "method=layercam_against"),
        ("GradCAM, for deformity", "method=gradcam"),
        ("GradCAM, against deformity", "method=against"),
    )
    drawn = "image => image.complete && image.naturalWidth > 0"
    for name, query in choices:
        gallery.get_by_label("Method").first.click()
        page.get_by_role("option", name=name).click()
        expect(maps.first).to_have_attribute("src", re.compile(f"{query}$"))
        tested = ("layercam" if "LayerCAM" in name else "gradcam") in validated
        expect(gallery.get_by_text("Not validated for localisation", exact=True)).to_have_count(
            0 if tested else maps.count()
        )
        maps.first.scroll_into_view_if_needed()
        page.wait_for_function(drawn, arg=maps.first.element_handle())


def test_a_patients_page_opens_on_the_default_map_and_switches(lead: Person) -> None:
    page = lead.page
    predictions = page.request.get(f"{lead.url}api/runs/1/predictions/").json()
    row = next(row for row in predictions if row["saliency"])
    url = f"{lead.url}api/runs/1/patients/{row['patient']}/"
    first = page.request.get(url).json()
    kind = page.request.get(f"{lead.url}api/runs/1/trust/").json()["default_map"]
    names = {
        "layercam": "LayerCAM, for deformity",
        "layercam_against": "LayerCAM, against deformity",
        "gradcam": "GradCAM, for deformity",
        "against": "GradCAM, against deformity",
    }
    assert first["saliency"]["method"].startswith("layercam") == (kind == "layercam")
    lead.goes_to(f"runs/1/patients/{row['patient']}")
    method = page.get_by_role("combobox", name="Method")
    expect(method).to_have_value(names[first["saliency"]["method"]])
    for chosen, name in names.items():
        method.click()
        page.get_by_role("option", name=name).click()
        expect(page.get_by_role("link", name="DICOM parametric map")).to_have_attribute(
            "href", re.compile(f"method={chosen}$")
        )
        expect(method).to_have_value(name)
        found = page.request.get(f"{url}?method={chosen}").json()["saliency"]
        warning = page.get_by_text("Not validated for localisation", exact=True)
        expect(warning).to_have_count(0 if found["validated"] else 1)
    assert violations(page) == []
