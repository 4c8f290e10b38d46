"""POST /v1/feedback: what is taken, kept whole, counted once, scored, and read again as a manifest."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ecgml.cohorts.opening import open_cohorts
from ecgml.errors import ConfigError
from ecgml.server.answer_ids import Answered, AnswerIds
from ecgml.server.reviews import COLUMNS, Review, Reviews, agreement
from tests.server.test_files import ask, parts

CLASSES = ("AFIB", "GSVT", "SB", "SR")


def review(name: str, reviewed: str = "SR", predicted: str = "SR", abstained: str = "no", version: str = "1") -> Review:
    """Return a review."""
    return Review(name, reviewed, reviewed, predicted, abstained, version, "2026-01-02T03:04:05Z")


def test_a_review_is_kept_scored_and_counted_once(
    serve: Callable[..., TestClient], wfdb: list[Path], tmp_path: Path
) -> None:
    client = serve(feedback=str(tmp_path / "reviews.csv"))
    answers = [ask(client, *parts(header))[0] for header in wfdb]
    assert client.get("/v1/feedback").json()["agreement"] is None
    for answer in answers[:2]:
        response = client.post("/v1/feedback", json={"id": answer["id"], "rhythm": answer["rhythm"]})
        assert response.status_code == 200, response.text
        assert response.json()["agrees"] is True
        assert response.json()["new"] is True
    again = client.post("/v1/feedback", json={"id": answers[0]["id"], "rhythm": answers[0]["rhythm"]})
    assert again.json()["new"] is False
    other = next(label for label in CLASSES if label != answers[2]["rhythm"])
    assert client.post("/v1/feedback", json={"id": answers[2]["id"], "rhythm": other}).json()["agrees"] is False
    changed = client.post("/v1/feedback", json={"id": answers[2]["id"], "rhythm": answers[2]["rhythm"]})
    assert changed.status_code == 409
    assert other in changed.json()["error"]
    scores = client.get("/v1/feedback").json()
    assert scores["records"] == 3
    assert scores["agreement"] == pytest.approx(2 / 3, abs=1e-4)
    assert scores["versions"] == {"1": {"records": 3, "agreement": scores["agreement"]}}
    text = client.get("/metrics").text
    assert f'ecgml_feedback_records{{predicted="{answers[2]["rhythm"]}",reviewed="{other}"}} 1.0' in text
    assert "ecgml_feedback_agreement 0.66" in text
    rows = list(csv.DictReader((tmp_path / "reviews.csv").read_text().splitlines()))
    assert [row["record_id"] for row in rows] == [answer["id"] for answer in answers]
    content = (tmp_path / "reviews.csv").read_text()
    assert all(header.stem not in content for header in wfdb)


@pytest.mark.parametrize(
    ("body", "status", "hint"),
    [
        ("{", 400, "JSON"),
        ("[1]", 400, "JSON"),
        ('{"id": 3, "rhythm": "SR"}', 400, "two strings"),
        ('{"id": "x", "rhythm": "SR", "name": "Anna"}', 400, "two strings"),
        ('{"id": "x", "rhythm": "SR"}', 404, "unknown"),
        ('{"id": "é", "rhythm": "SR"}', 404, "unknown"),
    ],
)
def test_what_is_no_review_is_refused(
    serve: Callable[..., TestClient], tmp_path: Path, body: str, status: int, hint: str
) -> None:
    response = serve(feedback=str(tmp_path / "reviews.csv")).post("/v1/feedback", content=body.encode())
    assert response.status_code == status
    assert hint in response.json()["error"]


def test_a_rhythm_outside_the_scheme_is_refused_with_those_inside(
    serve: Callable[..., TestClient], wfdb: list[Path], tmp_path: Path
) -> None:
    client = serve(feedback=str(tmp_path / "reviews.csv"))
    name = ask(client, *parts(wfdb[0]))[0]["id"]
    response = client.post("/v1/feedback", json={"id": name, "rhythm": "PACED"})
    assert response.status_code == 400
    assert "AFIB" in response.json()["error"]
    flutter = client.post("/v1/feedback", json={"id": name, "rhythm": "164890007"}).json()
    assert flutter["reviewed"] == "AFIB"  # flutter belongs to that group


def test_without_the_option_no_review_is_taken(client: TestClient) -> None:
    for response in (client.get("/v1/feedback"), client.post("/v1/feedback", json={"id": "x", "rhythm": "SR"})):
        assert response.status_code == 404
        assert "--feedback" in response.json()["error"]
    assert client.get("/v1/schema").json()["feedback"] is False


def test_an_id_is_known_after_a_restart_and_cannot_be_made_up(tmp_path: Path) -> None:
    ids = AnswerIds.beside(tmp_path / "reviews.csv")
    answered = Answered("0123456789abcdef-0", "AFIB", True, "7")
    name = ids.make(answered)
    assert AnswerIds.beside(tmp_path / "reviews.csv").read(name) == answered
    assert AnswerIds.beside(None).read(name) is None
    assert [ids.read(wrong) for wrong in (name[:-2] + "AA", "A" + name[1:], name + "=", "", "é")] == [None] * 5
    assert os.stat(tmp_path / "reviews.csv.key").st_mode & 0o077 == 0


def test_a_line_that_a_kill_left_unfinished_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    Reviews(path).add(review("a"))
    whole = path.read_bytes()
    path.write_bytes(whole + b"b,SR,SR,S")
    reviews = Reviews(path)
    assert [one.record_id for one in reviews.all()] == ["a"]
    assert reviews.add(review("b"))[1]
    assert path.read_bytes() == whole + b"b,SR,SR,SR,no,1,2026-01-02T03:04:05Z\n"
    assert [row["record_id"] for row in csv.DictReader(path.read_text().splitlines())] == ["a", "b"]


def test_several_processes_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    one, other = Reviews(path), Reviews(path)
    assert one.add(review("a"))[1]
    assert not other.add(review("a", "AFIB"))[1]
    assert other.add(review("b"))[1]
    assert [each.record_id for each in one.all()] == ["a", "b"]


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    code = (
        "import sys; from pathlib import Path; from ecgml.server.reviews import Review, Reviews\n"
        "reviews = Reviews(Path(sys.argv[1])); print('ready', flush=True)\n"
        "for n in range(100_000): reviews.add(Review(f'{n:06}', 'SR', 'SR', 'SR', 'no', '1', 'x' * 200))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        while path.stat().st_size < 20_000:
            pass
        process.send_signal(signal.SIGKILL)
    names = [one.record_id for one in Reviews(path).all()]
    assert names == [f"{n:06}" for n in range(len(names))]
    assert len(names) > 50


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("path,rhythm\na.csv,SR\n")
    with pytest.raises(ConfigError, match="not a file of reviews"):
        Reviews(path)


def test_agreement_is_that_of_a_hand_counted_table() -> None:
    """Four of six agree; of the four that were answered, three."""
    reviews = [
        review("1"),
        review("2", version="2"),
        review("3", "AFIB", "AFIB"),
        review("4", "AFIB", "SR"),
        review("5", "SB", "SR", "yes"),
        review("6", "SR", "SR", "yes"),
        review("7", "other scheme", "SR"),
    ]
    scores = agreement(reviews, CLASSES)
    assert (scores["records"], scores["agreement"]) == (6, pytest.approx(4 / 6, abs=1e-4))
    assert (scores["answered"], scores["agreement_answered"]) == (4, 0.75)
    assert scores["confusion"] == [[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 3]]
    assert scores["versions"]["2"] == {"records": 1, "agreement": 1.0}


def test_reviews_are_a_manifest_once_somebody_says_which_file(
    serve: Callable[..., TestClient], wfdb: list[Path], tmp_path: Path
) -> None:
    """As docs/server.md does it: the client keeps which file an answer's id belongs to."""
    client = serve(feedback=str(tmp_path / "reviews.csv"))
    kept = {ask(client, *parts(header))[0]["id"]: header for header in wfdb}
    for name in list(kept)[:2]:
        client.post("/v1/feedback", json={"id": name, "rhythm": "AFIB"})
    folder = wfdb[0].parent
    import pandas as pd

    paths = pd.DataFrame({"record_id": list(kept), "path": [path.name for path in kept.values()]})
    reviews = pd.read_csv(tmp_path / "reviews.csv")
    own = tmp_path / "own"
    own.mkdir()
    for header in wfdb:
        for path in (header, header.with_suffix(".mat")):
            (own / path.name).write_bytes(path.read_bytes())
    reviews.merge(paths).to_csv(own / "manifest.csv", index=False)
    (cohort,) = open_cohorts([own])
    assert [entry.rhythms for entry in cohort.entries] == [("AFIB",), ("AFIB",)]
    assert {entry.path.name for entry in cohort.entries} == {header.name for header in wfdb[:2]}
    assert folder.exists()
    assert json.loads(json.dumps(list(COLUMNS)))[:2] == ["record_id", "rhythm"]
