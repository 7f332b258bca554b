"""Examples at the end of each ``--help``; tests/cli/test_examples.py types them at a sandbox.

They name what the sandbox has: queue TEST1, endpoint SITE1.
"""

from typing import NamedTuple

WIDTH = 78  # of a line, which goes on in the next one behind a backslash
_JOB = "--computingSite TEST1 --transformation https://www.example.org/simulate.sh"
_FILE = "SITE1:/home/osg_data/panda/0064.file"


class Example(NamedTuple):
    """A command line, and what it does."""

    line: str
    what: str


EXAMPLES: dict[str, tuple[Example, ...]] = {
    "sendJob.py": (
        Example(
            f"sendJob.py {_JOB} --StageinGOsrc={_FILE} --Data=result.root --OutputGO=SITE1:/home/osg_data/panda/",
            "bring a file, run a script with it, take its output away",
        ),
        Example(
            f"sendJob.py {_JOB} --StageinGOsrc=@files.txt --nFilesPerJob 25 --campaign higgs --Data=result.root "
            "--OutputGO='SITE1:/home/osg_data/panda/${SN}/'",
            "deal a list of files to jobs, 25 to each, under one name",
        ),
        Example(f"sendJob.py {_JOB} --StageinGOsrc={_FILE} --noSubmit -v", "check it, show the plan, and send nothing"),
    ),
    "goclient advance": (Example("goclient advance", "do what is due in all campaigns, as cron may"),),
    "goclient carrier": (Example("goclient carrier build --out goclient-carry", "look at what travels with a job"),),
    "goclient check": (
        Example(f"goclient check --StageinGOsrc={_FILE}", "is the file there, and may you read it?"),
        Example("goclient check --pandaid 1", "check a job that was submitted"),
    ),
    "goclient completion": (Example("goclient completion bash", "print what bash reads"),),
    "goclient credential": (
        Example("goclient credential list", "what do carried jobs have?"),
        Example("goclient credential revoke", "take back what no job needs any more"),
    ),
    "goclient endpoint": (
        Example("goclient endpoint show SITE1", "what is it, and is it up?"),
        Example("goclient endpoint add store davs://store.example.org", "give a server a name of yours"),
        Example("goclient endpoint list --search ANLHEP", "search Globus for collections"),
    ),
    "goclient explain": (
        Example("goclient explain --pandaid 1", "what does a submitted job bring and take away?"),
        Example("goclient explain '--Data=a.root --OutputGO=SITE1:/home/'", "what will this text do?"),
    ),
    "goclient help": (Example("goclient help myproxy deposit", "show the options of an action"),),
    "goclient journal": (
        Example("goclient journal list", "which requests have no known end?"),
        Example("goclient journal show 1", "what is known of a job?"),
    ),
    "goclient kill": (
        Example("goclient kill --campaign higgs", "stop all that were sent under a name"),
        Example("goclient kill --task 7", "stop a task of prun or pathena, with its jobs"),
    ),
    "goclient login": (
        Example("goclient login --no-browser", "log in from a machine without a browser"),
        Example("goclient login --endpoint SITE1", "consent that goclient transfers files of an endpoint"),
    ),
    "goclient logout": (Example("goclient logout", "forget the login, and revoke its tokens"),),
    "goclient myproxy deposit": (
        Example('goclient myproxy deposit --user wdeng --retriever "$SANDBOX_PILOT_DN"', "let a pilot act for you"),
    ),
    "goclient myproxy info": (Example("goclient myproxy info --user wdeng", "what is deposited, until when?"),),
    "goclient myproxy retrieve": (
        Example("goclient myproxy retrieve --user wdeng --out proxy.pem", "get a proxy, as a pilot does"),
    ),
    "goclient myproxy destroy": (Example("goclient myproxy destroy --user wdeng --yes", "remove the deposit"),),
    "goclient pathena": (
        Example(
            "goclient pathena --trf 'Gen_tf.py --outputEVNTFile=%OUT.root' --outDS user.jdoe.evnt --site TEST1 "
            "--useGOForOutput SITE1:/home/osg_data/panda/",
            "run a transformation of Athena whose output goes to SITE1",
        ),
    ),
    "goclient pilot": (Example("goclient pilot --site TEST1 --once", "run one job of a queue on this machine"),),
    "goclient probe": (Example("goclient probe TEST1 --njobs 2 --detach", "let two jobs look at the nodes"),),
    "goclient prun": (
        Example(
            "goclient prun --exec 'echo hello >a.txt' --outDS user.jdoe.hello --outputs a.txt --noBuild --site TEST1 "
            "--useGOForOutput SITE1:/home/osg_data/panda/",
            "run a task whose output goes to SITE1",
        ),
    ),
    "goclient retry": (
        Example("goclient retry --campaign higgs", "send those again that have failed, each with its own number"),
        Example("goclient retry 1 --noSubmit --json", "what would be sent, and what is left as it is?"),
        Example("goclient retry --task 7", "have JEDI try the failed jobs of a task again"),
    ),
    "goclient sandbox": (
        Example("goclient sandbox demo", "see everything work, once"),
        Example("goclient sandbox start --dir ./sandbox", "start it; then: . ./sandbox/env.sh"),
        Example("goclient sandbox site --site TEST1 --once", "play a site that does not know goclient"),
    ),
    "goclient settings": (Example("goclient settings show", "what is set, and where?"),),
    "goclient status": (
        Example("goclient status", "what became of all that I have sent in the last days?"),
        Example("goclient status --campaign higgs --exit-status", "in a script: 0 once all have finished"),
        Example("goclient status --campaign higgs --html higgs.html", "write a page for a colleague"),
        Example("goclient status 1-3 -v", "show the transfers of some jobs, too"),
        Example("goclient status --last --watch", "look on until all are over"),
    ),
    "goclient version": (Example("goclient version -v", "what to write into a report of a defect"),),
    "goclient whoami": (Example("goclient whoami", "who asks Globus?"),),
}


def examples_of(prog: str) -> str:
    """Return the end of a program's help: its examples, each with what it does."""
    found = EXAMPLES.get(prog, ())
    return "".join(["\nexamples:\n" if found else "", *(f"  # {one.what}\n  {_fold(one.line)}\n" for one in found)])


def _fold(line: str) -> str:
    """Return a command line in lines that fit, as a shell reads them; an option and its value stay together."""
    lines = [""]
    for piece in line.replace(" -", "\n-").split("\n"):
        if lines[-1] and len(lines[-1]) + len(piece) > WIDTH - 8:
            lines.append("")
        lines[-1] += f" {piece}" if lines[-1] else piece
    return " \\\n      ".join(lines)
