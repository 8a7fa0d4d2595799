"""The page: self-contained, complete, safe against hostile names, also when half of the evidence is missing."""

import base64
import dataclasses
import hashlib
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import run_contract
from image_features.errors import Unavailable
from image_features.validate.checks.check import FORMS
from image_features.validate.checks.grouped_probe import probe_twice
from image_features.validate.checks.probes import Probe, probe
from image_features.validate.checks.suite import run_checks
from image_features.validate.checks.summary import summarize
from image_features.validate.duplicates.duplicates import Leak
from image_features.validate.evidence.evidence import Evidence, Membership, RejectGroup
from image_features.validate.report import charts
from image_features.validate.report.content import worst_classes
from image_features.validate.report.neighbors import nearest_to, neighborhoods, one_of_each_label
from image_features.validate.report.page import render_page
from image_features.validate.suspects.suspects import Flawed, Flaws, Suspect, Suspects
from tests.spark_jobs.made_up_run import PROJECTED, asked, make_evidence, no_duplicates, with_model

GOOD = make_evidence()
LIBRARY = Path(charts.__file__).parents[2]
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Tags that were opened, and text outside style; fails on tags that are closed in the wrong order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def a_photograph(uri: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(content, "JPEG")
    return content.getvalue()


def render(evidence: Evidence) -> str:
    found = probe_twice(evidence.sample, evidence.duplicates)
    checks = run_checks(evidence, found)
    summary = summarize(evidence, found, checks)
    return render_page("s3://bucket/runs/one", checks, evidence, found, summary, a_photograph)


def weights_of(source: str, pretrained: bool) -> Evidence:
    featurize = dict(GOOD.stats["featurize_images"] or {})
    weights = {"source": source, "sha256": None, "pretrained": pretrained}
    featurize["details"] = {**featurize["details"], "weights": weights}
    return dataclasses.replace(GOOD, stats={**GOOD.stats, "featurize_images": featurize})


def test_the_page_needs_no_other_file_and_no_network() -> None:
    html = render(GOOD)
    tags = Page(html).tags
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in tags}
    sources = [value or "" for _, attributes in tags for name, value in attributes.items() if name in ("src", "href")]
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "url(" not in html
    assert "@import" not in html


def test_every_check_stands_there_with_its_verdict_value_limit_and_advice() -> None:
    evidence = dataclasses.replace(GOOD, asked=asked(max_reject_share=0.01))
    text = Page(render(evidence)).text
    checks = run_checks(evidence, probe(GOOD.sample))
    for found in checks:
        assert f"{FORMS[found.name].title} {found.name}" in text
    assert f"Failed {len(checks) - 2} checks passed, 1 failed, 1 skipped." in text
    assert "failed Few enough images were rejected reject_share 2 of 92 images were rejected" in text
    assert "2.2% 1.0%" in text


def test_shares_stand_there_in_per_cent_and_other_numbers_do_not() -> None:
    features = dataclasses.replace(GOOD.features, repeated=9, zero=9)
    text = Page(render(dataclasses.replace(GOOD, features=features))).text
    assert re.search(r"repeated_vectors [^%]* 10\.0% 2\.0%", text)
    assert re.search(r"no_zero_vectors [^%]* 9 0 ", text)


def test_a_passed_run_says_so() -> None:
    assert re.search(r"Passed \d+ checks passed, 1 skipped\. The run may be published\.", Page(render(GOOD)).text)


def test_the_page_says_which_vectors_were_computed_and_that_the_model_is_new() -> None:
    text = Page(render(GOOD)).text
    assert "computed in this run 1,250 reused from earlier runs 7,000 rows that share another's vector 21" in text
    assert "model fitted in this run: a new model was asked for fitted in s3://bucket/runs/one, on 8,271 rows" in text
    assert "Share of the variance of the standardized features" in text


def test_the_page_says_that_a_model_is_of_a_run_before_and_what_it_keeps() -> None:
    text = Page(render(with_model(GOOD, PROJECTED))).text
    assert "model of an earlier run: the model of snapshot abc was asked for fitted in s3://bucket/runs/before" in text
    assert "new to the model 15.4% of the rows drift this model keeps 1.30% less variance than a new one" in text
    assert "the dot what the model keeps: the model was fitted on the 7,004 rows of s3://bucket/runs/before" in text


def test_the_page_of_an_older_run_has_no_card_for_what_is_not_known() -> None:
    featurize = dict(GOOD.stats["featurize_images"] or {})
    featurize["details"] = {name: of for name, of in featurize["details"].items() if name != "vectors"}
    older = with_model(GOOD, None)
    older = dataclasses.replace(older, stats={**older.stats, "featurize_images": featurize})
    text = Page(render(older)).text
    assert "Where the vectors come from" not in text
    assert "Where the model comes from" not in text


def test_random_weights_are_said_loudly_and_pretrained_ones_are_not() -> None:
    assert (
        "Random weights The network's weights are random:0 , not pretrained"
        in Page(render(weights_of("random:0", pretrained=False))).text
    )
    assert "Random weights" not in Page(render(weights_of("imagenet", pretrained=True))).text


def named(name: str) -> Evidence:
    """The good run, in which a label, every URI and the detail of a reject hold this name."""
    labels = np.where(GOOD.sample.labels == "Apple", name, GOOD.sample.labels)
    uris = np.array([f"{uri}{name}" for uri in GOOD.sample.uris], dtype=object)
    balance = [(name if label == "Apple" else label, splits) for label, splits in GOOD.membership.balance]
    return dataclasses.replace(
        GOOD,
        sample=dataclasses.replace(GOOD.sample, labels=labels, uris=uris),
        membership=dataclasses.replace(GOOD.membership, balance=balance),
        rejects=[RejectGroup("ingest_images", "not_an_image", 1, [(name, name)])],
    )


def test_a_browser_runs_and_loads_nothing_but_what_the_page_holds() -> None:
    html = render(GOOD)
    (policy,) = [of.get("content") or "" for tag, of in Page(html).tags if of.get("http-equiv")]
    rules = {name: value for name, _, value in (rule.strip().partition(" ") for rule in policy.split(";"))}
    (style,) = re.findall("<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert (rules["default-src"], rules["style-src"], rules["img-src"]) == ("'none'", f"'sha256-{digest}'", "data:")
    # A style or a script in an attribute would not run.
    assert not [name for _, of in Page(html).tags for name in of if name == "style" or name.startswith("on")]


def test_hostile_names_are_text_and_nothing_else() -> None:
    hostile = '<script>alert(1)</script>" onerror="x" style="y'
    page = Page(render(named(hostile)))
    assert "script" not in {tag for tag, _ in page.tags}
    assert not {"onerror", "style"} & {name for _, attributes in page.tags for name in attributes}
    assert hostile in page.text


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f", "\x85", "\u202e", "\u2066"])
def test_what_is_not_seen_or_turns_the_text_around_it_is_replaced(character: str) -> None:
    html = render(named(f"apple{character}gpj.exe"))
    assert character not in html
    assert re.search("apple[\u2400-\u2421\ufffd]gpj.exe", Page(html).text)


@pytest.mark.parametrize("name", ["\u05ea\u05e4\u05d5\u05d7", "\u200fapple", "\U0001f34e", "e\u0301clair", "= 1 + 1"])
def test_names_of_every_script_stand_there_as_they_are(name: str) -> None:
    assert name in Page(render(named(name))).text


def test_a_name_of_a_thousand_letters_is_cut_where_it_would_push_a_chart_away() -> None:
    html = render(named("m" * 1000))
    assert f">{'m' * 25}\u2026</text>" in html
    assert f"</svg>{'m' * 59}\u2026 <small>" in html
    assert f"<figcaption>{'m' * 1000}</figcaption>" in html


def test_the_page_is_made_of_what_there_is_when_most_is_missing() -> None:
    nothing = np.empty(0, dtype=object)
    sample = dataclasses.replace(
        GOOD.sample, vectors=np.empty((0, 0), np.float32), uris=nothing, labels=nothing, splits=nothing
    )
    evidence = dataclasses.replace(
        GOOD,
        sample=sample,
        model=Unavailable("does not load"),
        moments=Unavailable("not finite"),
        stats=dict.fromkeys(GOOD.stats, None),
        baseline=Unavailable("nothing is published yet"),
        rejects=[],
        membership=dataclasses.replace(GOOD.membership, balance=[]),
    )
    text = Page(render(evidence)).text
    assert "Failed" in text
    assert "Not scored: the PCA features are empty or not finite." in text
    assert "Nothing was rejected." in text


def test_leaks_stand_there_with_both_photographs_and_both_accuracies() -> None:
    leaks = (Leak("s3://photographs/landing/Test/Apple/1.jpg", "Apple", "s3://b/gone.jpg", "<b>Pear</b>", 0.97),)
    splits = GOOD.sample.splits.copy()
    splits[:9] = "Training"
    duplicates = no_duplicates(splits, pairs=7, groups=2, grouped=1009, largest=1005, test=4, leaked=3, leaks=leaks)
    evidence = dataclasses.replace(GOOD, duplicates=duplicates)
    text = Page(render(evidence)).text
    assert "3 of the 4 photographs of Test (75.0%) have a near-duplicate in Training." in text
    assert "There are 7 such pairs." in text
    assert "they make 2 groups of 1,009 photographs; the largest has 1,005." in text
    assert "linear probe accuracy, near-duplicates kept together" in text
    assert "Apple <b>Pear</b>" in text


def test_near_duplicates_that_were_not_looked_for_say_why() -> None:
    text = Page(render(dataclasses.replace(GOOD, duplicates=Unavailable("the weights are random")))).text
    assert "Not looked for: the weights are random." in text
    assert "Not scored: the weights are random." in text
    assert "kept together linear" not in text


def test_doubtful_labels_stand_there_with_what_is_suggested() -> None:
    found = [Suspect(f"s3://b/{number}.jpg", "Fig", "<i>Date", 0.9) for number in range(1000)]
    text = Page(render(dataclasses.replace(GOOD, suspects=Suspects(5000, found)))).text
    assert "Of 5,000 photographs, both a classifier and the nearest neighbors contradict the label of 1,000." in text
    assert text.count("Fig \u2013 perhaps <i>Date") == 24
    assert "no label is contradicted" in Page(render(dataclasses.replace(GOOD, suspects=Suspects(9, [])))).text
    assert "Not looked for: suspects were not looked for." in Page(render(GOOD)).text


def test_flawed_photographs_stand_there_the_worst_of_each_flaw() -> None:
    found = [Flawed(f"s3://b/{number}.jpg", "<b>Fig", "dark") for number in range(9)]
    found += [Flawed("s3://b/x.jpg", None, "odd_size")]
    flaws = Flaws(5000, found, {"dark": 9, "gray": 4000, "odd_size": 1}, ["gray"])
    text = Page(render(dataclasses.replace(GOOD, flaws=flaws))).text
    assert re.search(r"Of 5,000 photographs, 10 have a flaw: 9 dark, +1 odd size", text)
    assert (text.count("dark \u2013 <b>Fig"), text.count("odd size \u2013 no label")) == (6, 1)
    assert "4,000 photographs are gray: so many that it is how these photographs are" in text
    assert (
        "None of 9 photographs stands out" in Page(render(dataclasses.replace(GOOD, flaws=Flaws(9, [], {}, [])))).text
    )


def test_the_explorer_is_linked_where_there_is_one() -> None:
    assert "explorer.html" not in render(GOOD)
    found = probe_twice(GOOD.sample, GOOD.duplicates)
    checks = run_checks(GOOD, found)
    summary = summarize(GOOD, found, checks)
    html = render_page("s3://bucket/runs/one", checks, GOOD, found, summary, a_photograph, has_explorer=True)
    links = [attributes["href"] for tag, attributes in Page(html).tags if tag == "a"]
    assert links == ["explorer.html"]


def test_rejects_stand_there_by_reason_with_examples() -> None:
    text = Page(render(GOOD)).text
    assert "decode_failed featurize_images 2 s3://photographs/landing/a <b>&.jpg image file is truncated" in text


def test_the_template_is_found_inside_a_zip(tmp_path: Path) -> None:
    archive = tmp_path / "image_features.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in LIBRARY.rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                zipped.write(path, Path(LIBRARY.name) / path.relative_to(LIBRARY))
        for path in Path(run_contract.__file__).parent.glob("*.py"):
            zipped.write(path, Path("run_contract") / path.name)
    code = "from image_features.validate.report import page; print(page.__file__, page._template().name)"
    environment = {"PYTHONPATH": str(archive), "PATH": "/usr/bin:/bin"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(archive))


def test_the_contact_sheet_has_one_image_of_each_label() -> None:
    places = one_of_each_label(GOOD.sample)
    assert [GOOD.sample.labels[place] for place in places] == ["Apple", "Banana", "Cherry"]
    many = make_evidence(tuple(f"Fruit {number:02d}" for number in range(60)), per_label=6).sample
    assert len({many.labels[place] for place in one_of_each_label(many)}) == 24


def test_nearest_neighbors_are_those_of_a_full_comparison() -> None:
    vectors = GOOD.sample.vectors.astype(float)
    distances = ((vectors - vectors[7]) ** 2).sum(axis=1)
    expected = [place for place in np.argsort(distances, kind="stable") if place != 7][:6]
    assert nearest_to(GOOD.sample.vectors, 7, np.arange(len(vectors))) == expected


def test_neighborhoods_begin_with_what_nearest_neighbors_get_wrong() -> None:
    labels = GOOD.sample.labels
    scored = np.arange(90)
    answers = labels.copy()
    answers[40] = "Wrong"
    found = Probe("split", 90, scored, labels, labels, answers)
    queries = [query for query, _ in neighborhoods(GOOD.sample, found)]
    assert queries[0] == 40
    assert len(queries) == len(set(queries)) == 4


def test_neighbors_of_a_probe_on_splits_are_of_training() -> None:
    found = probe(GOOD.sample)
    shown = [place for _, nearest in neighborhoods(GOOD.sample, found) for place in nearest]
    assert shown
    assert {GOOD.sample.splits[place] for place in shown} == {"Training"}


def test_worst_classes_are_ranked_by_how_many_are_recognized() -> None:
    truth = np.array(["A"] * 4 + ["B"] * 4 + ["C"] * 2, dtype=object)
    said = np.array(["A", "B", "B", "C", "B", "B", "B", "A", "C", "C"], dtype=object)
    rows = worst_classes(Probe("split", 10, np.arange(10), truth, said, said))
    assert [(row["label"], row["hits"], row["scored"], row["taken_for"]) for row in rows] == [
        ("A", 1, 4, [("B", 2), ("C", 1)]),
        ("B", 3, 4, [("A", 1)]),
    ]


def test_the_curve_marks_the_chosen_components() -> None:
    assert charts.explained_variance([0.5, 0.3, 0.1, 0.1], 2)["chosen"] == pytest.approx(0.8)
    # A model of other rows keeps less than the curve of the best.
    assert charts.explained_variance([0.5, 0.3, 0.1, 0.1], 2, kept=0.71)["chosen"] == 0.71
    assert "6 components: 79.4%" in Page(render(GOOD)).text


def test_ten_labels_have_colors_and_the_others_are_one_gray() -> None:
    labels = np.array([f"L{number:02d}" for number in range(12) for _ in range(20 - number)], dtype=object)
    legend = charts.legend_labels(labels)
    assert [label for label, _, _ in legend] == [f"L{number:02d}" for number in range(10)] + ["2 other labels"]
    assert len({color for _, _, color in legend}) == 11
    assert legend[-1][1] == 19


def test_of_many_labels_the_largest_and_smallest_are_drawn() -> None:
    balance: list[tuple[str, Mapping[str | None, int]]] = [
        (f"Fruit {number:03d}", {"Training": 200 - number}) for number in (*range(20), *range(80, 100))
    ]
    membership = Membership({**GOOD.membership.totals, "balanced": 100}, {}, balance)
    text = Page(render(dataclasses.replace(GOOD, membership=membership))).text
    assert "181 60 more labels in between Fruit 080 Fruit 080, Training: 120 120" in text


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0, 600, [0, 200, 400, 600]), (-4.8, 4.6, [-4, -2, 0, 2, 4])],
)
def test_ticks_are_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert charts.ticks(low, high) == expected
