"""Words of other tools, and what goclient calls the same: a mistyped command or option is looked up here."""

from collections.abc import Collection, Iterator

# What HTCondor, Slurm, PBS, LSF, the gLite tools, pbook, rucio, git and kubectl call a command of ours.
_COMMANDS = {
    "sendJob.py": "submit sendjob sendjob.py send run sbatch qsub bsub create new",
    "prun": "task",
    "status": (
        "list ls jobs queue q ps stat qstat squeue bjobs show showl get watch monitor info describe wait state job"
    ),
    "retry": "resubmit rerun requeue restart finish redo",
    "kill": "cancel delete remove rm stop abort scancel qdel bkill",
    "advance": "continue resume deliver bring sync campaign",
    "journal": "history log logs unfinished",
    "check": "validate verify test dry-run dryrun lint preflight",
    "explain": "decode parse",
    "settings": "config configure configuration options",
    "endpoint": "endpoints collection collections alias site sites",
    "credential": "token tokens credentials revoke session",
    "login": "auth authenticate signin consent",
    "logout": "signout",
    "whoami": "who user identity me",
    "myproxy": "proxy delegate delegation voms",
    "probe": "queues nodes hosts ping",
    "pilot": "worker agent wrapper",
    "sandbox": "demo start try mock",
    "completion": "complete completions shell",
    "help": "man usage docs",
    "version": "ver about",
}

# The same of options; one word may be several of ours, of which a command has some.
_OPTIONS = {
    "--noSubmit": "--dry-run --dryRun --dryrun --dry --simulate --test -n",
    "--computingSite": "--site --queue --partition --destination -q -p -s",
    "--njobs": "-n --nJobs --count --ntasks --array --split --jobs",
    "--nFilesPerJob": "--filesPerJob --nFiles --files-per-job",
    "--transformation": "--exec --executable --script --trf --wrap --command --payload",
    "--jobParameters": "--args --arguments --params --parameters",
    "--StageinGOsrc": "--input --inputs --in --inDS --transfer-input-files --stage-in -i",
    "--StageoutGOsrc": "--stage-out --transfer-output-files",
    "--OutputGO": "--output --outputs --out-dir --outDir --dest -o",
    "--Data": "--outputs --out --output-files",
    "--destinationDBlock": "--outDS --dataset",
    "--campaign": "--name --label --batch-name --job-name --tag --group -J",
    "--goOverwrite": "--force --overwrite --clobber -f",
    "--goMkdir": "--mkdir --parents --create-dirs",
    "--noCheck": "--force --no-verify --skip-checks --no-preflight",
    "--again": "--force --resubmit",
    "--detach": "--no-wait --nowait --background --async -d",
    "--priority": "--prio --nice",
    "--VO": "--vo --voms --virtual-organisation",
    "--site": "--queue --computingSite -q",
    "--exec": "--transformation --jobParameters",
    "--outDS": "--destinationDBlock",
    "--task": "--taskID --jediTaskID --task-id",
    "--watch": "--follow --wait --live -f -w",
    "--html": "--report --page",
    "--last": "--latest --recent -l",
    "--all": "-a --any",
    "--json": "--format --output-format -j -F --machine-readable",
    "--quiet": "-q --silent -s --no-progress",
    "--log-file": "--log --logfile --logFile --log-path",
    "-v": "--verbose --debug -d -V",
    "--version": "-V",
}


def command_of(word: str, known: Collection[str]) -> str:
    """Return the command of ours for one of another tool, if it is known; or the empty string."""
    return next((ours for ours, theirs in _COMMANDS.items() if word.lower() in theirs.split() and ours in known), "")


def options_of(word: str, known: Collection[str]) -> Iterator[str]:
    """Yield the options of ours, among those that are known, for one of another tool."""
    return (ours for ours, theirs in _OPTIONS.items() if word in theirs.split() and ours in known)
