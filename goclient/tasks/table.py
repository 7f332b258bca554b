"""Our options of prun and pathena as panda-client's help and command line need them.

They are those of ``cli/options/prun.py``, as a test makes sure: importing its dataclasses alone would make ``-h``
a quarter slower than panda-client's.
"""

from __future__ import annotations

from goclient.tasks.command_line import Option, Table

_OPTIONS = (
    Option("StageinGOsrc", "ENDPOINT:/PATH", "what to bring before the payload runs", many=True),
    Option(
        "StageinGOdest",
        "ENDPOINT:/PATH",
        "where to: one directory, or one for each (default: the job's directory)",
        many=True,
    ),
    Option("StageoutGOsrc", "NAME", "what to take away after the payload: names in the job's directory", many=True),
    Option("StageoutGOdest", "ENDPOINT:/PATH", "where to: one directory, or one for each", many=True),
    Option("Data", "NAME", "the payload's output: names in the job's directory", many=True),
    Option("OutputGO", "ENDPOINT:/PATH", "the directory for the output", many=True),
    Option(
        "WorkingendpointGO",
        "NAME",
        "what the node's own Globus endpoint is called, or the UUID of a server that sees the job's directory",
    ),
    Option("goOverwrite", "", "allow that files at the destinations are overwritten", flag=True),
    Option("goMkdir", "", "make the destinations' folders now", flag=True),
    Option("goLenient", "", "let a site that does not know goclient run the payload, without its files", flag=True),
    Option(
        "goAllowPersonal",
        "",
        "allow files to go between two Globus Connect Personal endpoints, which needs a subscription",
        flag=True,
    ),
    Option(
        "pilotIdentity", "ID", "whoever the pilot transfers as, by Globus id or user name: look whether it may, too"
    ),
    Option("goProbe", "", "really make a directory at each destination, and remove it", flag=True),
    Option(
        "goNeeds",
        "HOURS",
        "how many hours your Globus login, and the proxy of --myproxy, should last (default: 24)",
        number=True,
    ),
    Option(
        "myproxy", "USER[@HOST[:PORT]]", "the MyProxy account that has a proxy for the pilot: look, and tell the pilot"
    ),
    Option("pilot", "DN", "the DN of the pilot that retrieves the proxy"),
    Option("deposit", "", "deposit a proxy for --pilot if there is none that lasts --goNeeds", flag=True),
    Option("goTimeout", "N", "how many seconds all checks may take (default: 30)", number=True),
    Option(
        "useGOForOutput",
        "ENDPOINT[:/DIR/]",
        "take every output and the log to <nickname>/<outDS>/ below this directory (default: the endpoint's own)",
    ),
    Option(
        "globusWords",
        "WORDS",
        "the words of 2012, such as globus-endpoint-in=… dir-in=… files-in=…, as in sendJob's --jobParameters",
    ),
    Option("noCheck", "", "do not look at the endpoints first", flag=True),
)

_DUMP = Option("dumpTaskParams", "FILE", "dump the task's parameters to this JSON file")

TABLES = {
    "prun": Table({option.name: option for option in _OPTIONS}),
    "pathena": Table({option.name: option for option in (*_OPTIONS, _DUMP)}),
}
