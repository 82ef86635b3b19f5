"""The job as its scheduler and its accounting have it, and its batch script's directives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import documents
from tests.support.commands import environment, only_job, run
from yprov_run.capture.batchscript import directives, scheduler_directives
from yprov_run.jobdir import JobDir
from yprov_run.merge.accounting import FIELDS, parse
from yprov_run.schedulers import answers, detect
from yprov_run.schedulers.showjob import parse_show_job

_SHOWN = (
    "JobId=7 ArrayJobId=6 ArrayTaskId=1 JobName=my job Account=physics Dependency=(null) "
    "CPUs/Task=1 ReqB:S:C:T=0:0:*:* Command=/a b/job.sh Comment=x=1 and y \n"
    "JobId=6 ArrayJobId=6 ArrayTaskId=2 JobName=other\n"
)


def test_the_fields_of_one_job_of_an_array_are_read_with_their_blanks() -> None:
    fields = parse_show_job(_SHOWN, "7")
    assert fields["JobName"] == "my job"
    assert fields["Command"] == "/a b/job.sh"
    assert fields["Comment"] == "x=1 and y"
    assert fields["CPUs/Task"] == "1"
    assert parse_show_job(_SHOWN, "6")["JobName"] == "other"
    assert parse_show_job(_SHOWN, "5") == {}


@given(st.text(max_size=200))
def test_any_answer_is_read_or_empty(text: str) -> None:
    assert isinstance(parse_show_job(text, "1"), dict)
    directives(text)
    parse(text, "1", list(FIELDS))


def test_our_directives_give_inputs_outputs_and_tags_and_run_nothing() -> None:
    script = """#!/bin/bash
#SBATCH -N 2
#YPROV --input data/*.h5 --tag run=base   # a comment
  #YPROV -i 'a b.csv' "--output=$HOME/$(touch /tmp/x)"
#YPROV --interval 5 --tag broken
#YPROV --input "open
echo '#YPROVoutput'
"""
    inputs, outputs, tags, problems = directives(script)
    assert inputs == ("data/*.h5", "a b.csv")
    assert outputs == ("$HOME/$(touch /tmp/x)",)
    assert tags == {"run": "base"}
    assert [problem.partition(":")[0] for problem in problems] == [
        "batch script, line 5", "batch script, line 5", "batch script, line 6", "batch script",
    ]  # fmt: skip


def test_in_our_directives_only_a_hash_after_a_blank_begins_a_comment() -> None:
    lines = [
        "-i in#2.csv # why",
        r"-i a\ #b",
        "-i 'x # y'#z",
        "# -i no",
        '-o "o #1"\t#2',
        r"-i \#1",
    ]
    inputs, outputs, _, problems = directives("".join(f"#YPROV {line}\n" for line in lines))
    assert inputs == ("in#2.csv", "a #b", "x # y#z", "#1")
    assert (outputs, problems) == (("o #1",), ())


_WRITES_ANOTHER = """#!/bin/bash
#SBATCH -N 2

  # a comment
#BSUB -n 2
#FLUX: -N 2
#YPROV -i head.csv
cat > other.sh <<-'END OF IT' 2> err
\t#SBATCH -N 99
#SBATCH -N 99
#BSUB -n 99
#FLUX: -N 99
#YPROV -i other.csv
\tEND OF IT
echo $((1 << 3)) <<< here   # << EOF
cat <<A >a; cat << \\B >b
#YPROV -i a.csv
A
#YPROV -i b.csv
B
#YPROV -i late.csv
#PBS -q late
#BSUB -q late
"""


def test_what_a_script_writes_into_another_is_none_of_its_own_directives() -> None:
    inputs, _, _, problems = directives(_WRITES_ANOTHER)
    assert (inputs, problems) == (("head.csv", "late.csv"), ())


@pytest.mark.parametrize(
    ("scheduler", "later"),
    [("slurm", []), ("pbs", []), ("lsf", ["-n 99", "-q late"]), ("flux", ["-N 99"])],
)
def test_a_schedulers_directives_end_where_it_stops_to_read_them(
    scheduler: str, later: list[str]
) -> None:
    """LSF reads them everywhere, and Flux refuses a script that has any below its commands."""
    found = list(scheduler_directives(_WRITES_ANOTHER, scheduler))
    assert found == ["-N 2", "-n 2", "-N 2", *later]


def test_accounting_of_one_job_has_its_starts_and_steps() -> None:
    names = ["JobIDRaw", "Partition", "State", "End", "SubmitLine"]
    rows = [("7", "gpu", "REQUEUED", "100", "sbatch a"),
            ("7", "gpu", "TIMEOUT", "200", "sbatch --wrap='x\ny'"),
            ("7.batch", "", "CANCELLED", "200", ""),
            ("8", "gpu", "COMPLETED", "9", "")]  # fmt: skip
    asked = parse("\n".join("\x1f".join(row) for row in rows) + "\n", "7", names)
    assert [start.get("State") for start in asked.starts] == ["REQUEUED", "TIMEOUT"]
    assert asked.starts[-1].get("SubmitLine") == "sbatch --wrap='x\ny'"
    assert [step.id for step in asked.steps] == ["7.batch"]
    assert (asked.state, asked.final) == ("TIMEOUT", True)
    assert not parse("7\x1fgpu\x1fRUNNING\x1fUnknown\x1f\n", "7", names).final


def test_a_job_that_accounting_knows_by_its_steps_only_is_not_final() -> None:
    """Their start may come to accounting seconds before the job's own, also after the job's end."""
    names = ["JobIDRaw", "JobName", "Partition", "State", "End"]
    by_its_steps = "7\x1fallocation\x1f\x1fCOMPLETED\x1f9"
    assert not parse(by_its_steps, "7", names).final
    assert parse(by_its_steps.replace("allocation\x1f", "train\x1fgpu"), "7", names).final


def test_accounting_of_a_heterogeneous_job_has_its_members_and_is_final_when_all_have_come() -> (
    None
):
    names = ["JobIDRaw", "JobID", "Partition", "State", "End"]
    rows = [("7", "7+0", "main", "COMPLETED", "9"), ("7.0", "7+0.0", "", "COMPLETED", "9"),
            ("8", "7+1", "main", "COMPLETED", "9"),
            ("8.0", "7+1.0", "", "COMPLETED", "9")]  # fmt: skip
    lines = ["\x1f".join(row) for row in rows]
    asked = parse("\n".join(lines), "7", names, components=2)
    assert [member.id for member in asked.members] == ["8"]
    assert [step.id for step in asked.steps] == ["7.0", "8.0"]
    assert asked.final
    assert not parse("\n".join(lines[:2]), "7", names, components=2).final
    running = "8\x1f7+1\x1fgpu\x1fRUNNING\x1fUnknown"
    assert not parse("\n".join([*lines[:2], running]), "7", names, components=2).final
    before = [line.replace("COMPLETED", "REQUEUED") for line in lines]
    requeued = parse("\n".join([*before, *lines]), "7", names, components=2)
    assert [start.state for start in requeued.starts] == ["REQUEUED", "COMPLETED"]
    assert requeued.final


def test_a_size_inherited_from_another_job_keeps_no_answer_from_being_final() -> None:
    names = ["JobIDRaw", "JobID", "Partition", "State", "End"]
    assert parse("7\x1f7\x1fgpu\x1fCOMPLETED\x1f9", "7", names, components=2).final


@pytest.mark.parametrize(
    ("variables", "scheduler", "number", "name"),
    [
        ({"PBS_JOBID": "123.head", "PBS_JOBNAME": "train"}, "pbs", "123", "train"),
        ({"PBS_JOBID": "123[4].head", "PBS_JOBNAME": "train"}, "pbs", "123", "train-4"),
        ({"LSB_JOBID": "55", "LSB_JOBNAME": "a[1-9]", "LSB_JOBINDEX": "3"}, "lsf", "55", "a-3"),
        ({"LSB_JOBID": "55", "LSB_JOBNAME": "a", "LSB_JOBINDEX": "0"}, "lsf", "55", "a"),
        ({"FLUX_JOB_ID": "ƒ21"}, "flux", "58", ""),
        ({"FLUX_JOB_ID": "12345"}, "flux", "12345", ""),
        ({"FLUX_JOB_ID": "ƒ0"}, "none", None, ""),
        ({"PBS_JOBID": "x"}, "none", None, ""),
    ],
)
def test_pbs_lsf_and_flux_are_told_by_their_variables(
    variables: dict[str, str], scheduler: str, number: str | None, name: str
) -> None:
    facts = detect({**variables, "PBS_TOKEN": "x"})
    assert (facts.scheduler, facts.number, facts.name) == (scheduler, number, name)
    assert "PBS_TOKEN" not in facts.variables


def _fake_scheduler(folder: Path, script: str) -> dict[str, str]:
    """Make a `scontrol` and a `sacct` that answer; return the environment of a job of theirs."""
    tools = folder / "tools"
    tools.mkdir()
    (folder / "submitted").write_text(script)
    (tools / "scontrol").write_text(f"""#!/bin/sh
case "$*" in
  *show*) echo "JobId=77 JobName=j Account=physics Reservation=maint Restarts=0" \\
      "Dependency=afterok:12:13(unfulfilled),singleton ArrayJobId=70 ArrayTaskId=7" ;;
  *write*) cat {folder}/submitted ;;
esac
""")
    rows = dict.fromkeys(FIELDS, "")
    rows |= {"JobIDRaw": "77", "State": "OUT_OF_MEMORY", "End": "1795246544", "User": "root",
             "Partition": "gpu",
             "SubmitLine": "sbatch --export=HF_TOKEN=planted-secret j.sh"}  # fmt: skip
    (folder / "row").write_text("\x1f".join(rows.values()) + "\n")
    (tools / "sacct").write_text(f"#!/bin/sh\ncat {folder}/row\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    env = environment(SLURM_JOB_ID="77", SLURM_JOB_NAME="j")
    return {**env, "PATH": f"{tools}:{env['PATH']}"}


def test_what_the_scheduler_and_accounting_say_is_in_the_document(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1\n")
    script = "#!/bin/bash\n#SBATCH -A physics --token planted-secret\n#YPROV -i in.csv --tag a=b\n"
    env = _fake_scheduler(tmp_path, script)
    for _ in range(2):
        assert run("yprov-run", "-q", "true", cwd=tmp_path, env=env).returncode == 0
    directory = JobDir(only_job(tmp_path))
    document = documents.load(directory.document)
    job = documents.job(document)
    assert (job["run:account"], job["run:reservation"]) == ("physics", "maint")
    assert job["run:accountingState"] == "OUT_OF_MEMORY"
    assert (job["run:state"], job["run:stateSource"]) == ("killed", "sacct")
    assert json.loads(job["run:tags"]) == {"a": "b"}
    script_entity = document["entity"][
        next(name for name in document["entity"] if name.startswith("batch_script/"))
    ]
    assert "#YPROV -i in.csv" in script_entity["prov:value"]
    assert any(entity.get("prov:label") == "in.csv" for entity in document["entity"].values())
    others = documents.of_type(document, "activity", "run:SchedulerJob").values()
    assert sorted(other["schema:identifier"] for other in others) == ["12", "13", "70"]
    second = json.loads((directory.steps_dir / "1/captured/scheduler.json").read_text())
    assert second["data"]["same_as"] == 0
    written = [path for path in directory.path.rglob("*") if path.is_file()]
    assert not [path for path in written if b"planted-secret" in path.read_bytes()]


def test_directives_count_for_every_step_of_a_job(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("1\n")
    (tmp_path / "out.csv").write_text("1\n")
    env = _fake_scheduler(tmp_path, "#!/bin/bash\n#YPROV -i in.csv --output out.csv\n")
    for _ in range(2):
        assert run("yprov-run", "-q", "true", cwd=tmp_path, env=env).returncode == 0
    steps = list(JobDir(only_job(tmp_path)).steps())
    assert len(steps) == 2
    for step in steps:
        files = json.loads(step.files.read_text())["files"]
        assert {(file["path"], file["origin"]) for file in files} >= {
            ("in.csv", "--input"), ("out.csv", "--output"),
        }  # fmt: skip


def test_a_scheduler_that_does_not_answer_is_named_and_the_job_runs(tmp_path: Path) -> None:
    env = _fake_scheduler(tmp_path, "")
    (tmp_path / "tools/scontrol").write_text("#!/bin/sh\necho no controller >&2; exit 1\n")
    assert run("yprov-run", "-q", "true", cwd=tmp_path, env=env).returncode == 0
    document = documents.load(only_job(tmp_path) / "prov.json")
    assert any("no controller" in gap for gap in documents.gaps(document))


# Answers in the forms of the schedulers' documentation.
_PBS_JSON = """{
    "timestamp":1588099398, "pbs_version":"18.1.4", "pbs_server":"head",
    "Jobs":{
        "6.head":{"Job_Name":"other","queue":"wrong"},
        "123.head":{
            "Job_Name":"train", "Job_Owner":"ada@login.site", "job_state":"R", "queue":"gpu",
            "Account_Name":"physics", "run_count":2, "Priority":0,
            "depend":"afterok:120.head@head:121.head@head,beforeok:130.head@head,on:2",
            "Resource_List":{"ncpus":8,"place":"pack","select":"2:ncpus=4:ngpus=1"},
            "Submit_arguments":"-v HF_TOKEN=planted-secret job.sh",
            "Variable_List":{"PBS_O_HOME":"/home/ada","ODD":"planted-secret"}
        }
    }
}"""
_PBS_TEXT = """Job Id: 123.head
    Job_Name = 0123
    queue = gpu
    Account_Name = physics
    run_count = 2
    depend = afterok:120.head@head:121.head@head
    Resource_List.select = 2:ncpus=4:ng
\tpus=1
    Variable_List = PBS_O_HOME=/home/ada,
\tODD=planted-secret

"""
_LSF = """{
  "COMMAND":"bjobs", "JOBS":1,
  "RECORDS":[{
    "JOBID":"123", "STAT":"RUN", "QUEUE":"gpu", "PROJ_NAME":"physics", "RSVID":"-",
    "DEPENDENCY":"done(120) && ended(121)", "COMMAND":"train --token planted-secret"
  }]
}"""
_FLUX = """{"jobs": [{"id": 123, "state": "RUN", "name": "train", "queue": "gpu", "bank": "physics",
 "dependencies": [], "annotations": {"user": {"note": "token=planted-secret"}}}]}"""


@pytest.mark.parametrize(
    ("variables", "program", "script", "waited_for"),
    [
        ({"PBS_JOBID": "123.head.site"}, "qstat", f"cat <<'E'\n{_PBS_JSON}\nE\n", {"120", "121"}),
        ({"PBS_JOBID": "123.head"}, "qstat",
         f"case $* in *json*) echo '{{\"a\":0123}}' ;; *) cat <<'E'\n{_PBS_TEXT}E\nesac\n",
         {"120", "121"}),
        ({"PBS_JOBID": "123.head"}, "qstat",
         "case $* in *json*) echo qstat: invalid option >&2; exit 2 ;; *) cat <<'E'\n"
         f"{_PBS_TEXT}E\nesac\n", {"120", "121"}),
        ({"LSB_JOBID": "123", "LSB_JOBINDEX": "0"}, "bjobs", f"cat <<'E'\n{_LSF}\nE\n",
         {"120", "121"}),
        ({"FLUX_JOB_ID": "f38"}, "flux", f"cat <<'E'\n{_FLUX}\nE\n", set()),
    ],
    ids=["PBS", "PBS whose JSON is none", "Torque", "LSF", "Flux"],
)  # fmt: skip
def test_what_pbs_lsf_and_flux_answer_is_in_the_document(
    variables: dict[str, str], program: str, script: str, waited_for: set[str], tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / program).write_text(f"#!/bin/sh\n{script}")
    (tools / program).chmod(0o755)
    batch = tmp_path / "123.shell"
    batch.write_text("#!/bin/sh\n#BSUB -q gpu\n#YPROV --tag run=base\n")
    env = environment(**variables, LSB_JOBFILENAME=str(batch))
    env["PATH"] = f"{tools}:{env['PATH']}"
    assert run("yprov-run", "-q", "true", cwd=tmp_path, env=env).returncode == 0
    document = documents.load(only_job(tmp_path) / "prov.json")
    job = documents.job(document)
    assert (job["run:account"], job["run:partition"]) == ("physics", "gpu")
    assert job.get("run:restartCount", 1) == 1
    others = documents.of_type(document, "activity", "run:SchedulerJob").values()
    assert {other["schema:identifier"] for other in others} == waited_for
    facts = json.loads(job["run:schedulerFacts"])
    assert not [name for name in facts if name.startswith("Variable_List")]
    if program == "qstat":
        assert facts["Resource_List.select"] == "2:ncpus=4:ngpus=1"
    if program == "bjobs":
        assert json.loads(job["run:tags"]) == {"run": "base"}
    written = [path for path in only_job(tmp_path).rglob("*") if path.is_file()]
    assert not [path for path in written if b"planted-secret" in path.read_bytes()]


def test_a_scheduler_that_hangs_is_given_up_and_named(tmp_path: Path) -> None:
    (tmp_path / "bjobs").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "bjobs").chmod(0o755)
    env = environment(LSB_JOBID="123")
    env["PATH"] = f"{tmp_path}:{env['PATH']}"
    # The program waits until the capture has given up: it is not held up itself.
    wait = "until [ -e yprov/*/record/steps/0/captured/scheduler.json ]; do sleep 0.1; done"
    done = run("yprov-run", "-q", "sh", "-c", wait, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    document = documents.load(only_job(tmp_path) / "prov.json")
    assert any("scheduler: " in gap for gap in documents.gaps(document))


_ANSWERS = st.text(max_size=100) | st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["Jobs", "1", "RECORDS", "jobs", "id", "ERROR"]), inner),
).map(json.dumps)  # fmt: skip


@given(_ANSWERS)
def test_any_answer_gives_fields_or_is_refused(answer: str) -> None:
    readers = (lambda text: answers.pbs(text, "1.head"), answers.lsf, answers.flux)
    for read in (*readers, answers.pbs_text):
        try:
            fields = read(answer)
        except ValueError:
            continue
        assert all(isinstance(value, str) for value in fields.values())
