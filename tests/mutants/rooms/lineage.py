"""Faults of what a model learnt from: its ancestors, the jobs that it went through, the code that made it."""

from __future__ import annotations

from tests.mutants.fault import Fault

LINEAGE = "ecgml/pipeline/job/lineage.py"
JOBS = "ecgml/service/jobs.py"
RESUME = "ecgml/pipeline/train/resume.py"
TESTS = "tests/pipeline/test_lineage.py"
EARLIER = (f"{TESTS}::test_a_run_of_earlier_versions_is_followed_by_its_settings",)
MATCHED = (f"{TESTS}::test_a_record_is_matched_by_name_waveform_or_patient",)
RESUMED = ("tests/service/test_jobs.py",)
SOURCE = ("tests/test_source.py",)

FAULTS = (
    Fault(
        "lineage/own-records-alone",
        LINEAGE,
        "if model_run_id is not None else []), *ancestors]",
        "if model_run_id is not None else [])]",
        "a fine-tuned model is judged by records that its ancestors learnt from",
        (f"{TESTS}::test_what_an_ancestor_learnt_from_is_not_evaluated_on",),
    ),
    Fault(
        "lineage/chain-stops-after-one",
        LINEAGE,
        'checkpoint.facts.get("run_id", ""))), *ancestors_of(checkpoint))',
        'checkpoint.facts.get("run_id", ""))),)',
        "a model knows the one that it was started from, and none before",
        (f"{TESTS}::test_every_generation_names_all_before_it",),
    ),
    Fault(
        "lineage/earlier-versions-without-ancestors",
        LINEAGE,
        "return _followed(address, passed | {run_id}) if address else ()",
        "return ()",
        "a model that an earlier version fine-tuned counts as trained from the start",
        EARLIER,
    ),
    Fault(
        "lineage/alias-taken-at-its-word",
        LINEAGE,
        "if moves(address):",
        "if False:",
        "an alias counts as the version that it means today",
        EARLIER,
    ),
    Fault(
        "lineage/doubts-not-said",
        LINEAGE,
        "            doubts.append(doubt)",
        "            pass",
        "what cannot be told counts as unseen",
        EARLIER,
    ),
    Fault(
        "lineage/same-ecg-under-another-name",
        LINEAGE,
        " in names or not learnt_keys.isdisjoint(record_keys)",
        " in names",
        "an ECG that was learnt from is tested under another name",
        MATCHED,
    ),
    Fault(
        "lineage/other-ecgs-of-its-patients",
        LINEAGE,
        "return np.isin(table.patients, table.patients[direct])",
        "return direct",
        "other ECGs of patients that were learnt from are tested",
        MATCHED,
    ),
    Fault(
        "lineage/name-of-another-source",
        LINEAGE,
        "(source, _bare(record_id)) in names",
        "_bare(record_id) in {name for _, name in names}",
        "record 1 of one hospital stands for record 1 of another",
        MATCHED,
    ),
    Fault(
        "lineage/validation-counts-as-unseen",
        LINEAGE,
        'LEARNT_FROM = ("train", "val", "calibration")',
        'LEARNT_FROM = ("train",)',
        "records that an ancestor was selected and calibrated by are tested",
        (f"{TESTS}::test_what_an_ancestor_learnt_from_is_not_evaluated_on", *MATCHED),
    ),
    Fault(
        "lineage/stored-predictions-taken-as-they-are",
        "ecgml/pipeline/promote/comparison_input.py",
        "[lineage.seen_of(stored, job.split) for lineage in started]",
        "[np.zeros(stored.n_records, bool) for lineage in started]",
        "promotion counts predictions of what an ancestor learnt from",
        (f"{TESTS}::test_stored_predictions_of_what_an_ancestor_learnt_from_do_not_count_in_promotion",),
    ),
    Fault(
        "lineage/encoder-of-another-architecture",
        "ecgml/pipeline/job/fitting.py",
        "start = start if start and start.checkpoint.model_name == name else None",
        "pass",
        "a model that takes nothing over is given an encoder that was fitted to other records",
        (f"{TESTS}::test_a_model_beside_the_one_started_from_has_its_own_encoder",),
    ),
    Fault(
        "lineage/head-by-the-number-of-classes",
        "ecgml/pipeline/job/start.py",
        "if start.classes != scheme_named(configuration.data.scheme).classes:",
        "if len(start.classes) != len(scheme_named(configuration.data.scheme).classes):",
        "the classifier of one class begins as that of another",
        (f"{TESTS}::test_the_head_is_kept_for_the_same_classes_in_the_same_order_alone",),
    ),
    Fault(
        "lineage/last-is-a-finished-job",
        JOBS,
        'if last.info.status == "FINISHED":',
        "if False:",
        "resume=last goes on with a job that has finished",
        RESUMED,
    ),
    Fault(
        "lineage/last-is-where-it-was-begun",
        JOBS,
        "last = runs_of_job(run.info.run_id)[-1]",
        "last = run",
        "resume=last goes on with a run that another has taken over",
        RESUMED,
    ),
    Fault(
        "lineage/job-not-followed-back",
        JOBS,
        "while (before := _resumes(run)) and before not in passed:",
        "while False and (before := ''):",
        "a run that was killed before it took over anything hides its job",
        RESUMED,
    ),
    Fault(
        "lineage/job-not-followed-on",
        JOBS,
        "while following := runs[-1].data.tags.get(RESUMED_BY):",
        "while False and (following := ''):",
        "a job that was taken over is gone on with twice",
        RESUMED,
    ),
    Fault(
        "lineage/resumed-while-worked-on",
        JOBS,
        "for candidate in (run, *runs_tagged(run.info.experiment_id, RESUMES, run.info.run_id)):",
        "for candidate in (run,):",
        "two processes go on with one job",
        RESUMED,
    ),
    Fault(
        "lineage/resumed-from-another-start",
        RESUME,
        "if self.ancestors is not None and [",
        "if False and [",
        "a job goes on from another earlier model than it began with",
        (f"{TESTS}::test_a_job_goes_on_from_the_model_that_it_began_with_alone",),
    ),
    Fault(
        "lineage/code-by-its-length",
        "ecgml/source.py",
        '{len(content)}\\n".encode() + content)',
        '{len(content)}\\n".encode())',
        "results of other code are taken where its files are as long",
        SOURCE,
    ),
    Fault(
        "lineage/cache-of-other-code",
        "ecgml/preprocessing/settings.py",
        '{"code": code_digest(*CODE), **to_json(self)}',
        "to_json(self)",
        "waveforms that other code made are used",
        SOURCE,
    ),
    Fault(
        "lineage/fold-of-other-code",
        "ecgml/pipeline/evaluate/protocols.py",
        "model_settings, *code, torch.__version__]",
        "model_settings, torch.__version__]",
        "a fold that other code trained is found again",
        ("tests/pipeline/test_protocols.py::test_a_fold_of_other_code_settings_or_data_is_another",),
    ),
    Fault(
        "lineage/fold-of-another-architecture's-code",
        "ecgml/pipeline/evaluate/protocols.py",
        "if entry.dist else []",
        "if not entry else []",
        "a fold that an earlier version of another package's architecture trained is found again",
        ("tests/test_plugins.py::test_a_fold_is_of_the_code_of_its_architecture",),
    ),
)
