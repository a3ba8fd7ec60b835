"""Whether a fix text can be followed: commands that run as printed, joined by few words, or a page of docs/.

`faults` takes a text apart at `; `, `, then ` and `, or `. Each piece is a command, perhaps behind a few words that
end in a colon or before a remark in parentheses; or it names a page; or it is a HOLE, which is held where it is made.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.waiter import WaiterModel

import restore.cli.main
import restore.dumps.cli
import validation.commands.main
from sandbox.machine.layout import CHECKOUT
from tests.support.fixes.collect import HOLE

LOADER = Loader()
FEW = 10
"""Words before or behind a command."""
MANY = 30
"""Words in a text that names a page."""
QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
JOINT = re.compile(r"; |, then |, or ")
PAGE = re.compile(r"(docs/[a-z-]+\.md)(?:, \"([^\"]+)\")?")
REMARK = re.compile(r" \(([^()]*)\)$")
PLACEHOLDER = re.compile(r"<[^<>|]+>")
SQL = ("ALTER", "COMMIT", "CREATE", "DROP", "GRANT", "REINDEX", "ROLLBACK", "SELECT")
PROGRAMS = ("pulumi", "kubectl", "aws", "psql", "python", "curl", "pip", "pg_dump")
NAME = r'(?:[a-z_.]+|x|"x")'
STATEMENTS = re.compile(
    rf"REINDEX INDEX {NAME}|(?:CREATE|ALTER|DROP) ROLE {NAME}(?: NOLOGIN| CREATEROLE)?|DROP OWNED BY {NAME}"
    rf"|ALTER DATABASE {NAME} OWNER TO {NAME}|GRANT {NAME} TO {NAME}(?: WITH ADMIN OPTION)?"
    rf"|GRANT (?:SELECT|INSERT) ON {NAME} TO {NAME}|CREATE (?:EXTENSION|DATABASE) {NAME}|ALTER EXTENSION {NAME} UPDATE"
    r"|(?:COMMIT|ROLLBACK) PREPARED 'x'"
    r"|SELECT [a-z_0-9(),.:*' ]+ FROM .+|SELECT (?:setval|cron\.alter_job)\(.+\)"
    rf"|ALTER SUBSCRIPTION {NAME} DISABLE"
)
PULUMI: Mapping[tuple[str, ...], frozenset[str]] = {
    ("up",): frozenset(),
    ("preview",): frozenset(),
    ("login",): frozenset(),
    ("whoami",): frozenset(),
    ("plugin", "install"): frozenset(),
    ("stack", "ls"): frozenset(),
    ("stack", "select"): frozenset(),
    ("cancel",): frozenset({"--yes"}),
    ("stack", "history"): frozenset(),
    ("config", "set"): frozenset({"--path", "--plaintext"}),
    ("config", "rm"): frozenset({"--path"}),
    ("config",): frozenset(),
    ("refresh",): frozenset({"--yes", "--target", "--clear-pending-creates"}),
}
KUBECTL: Mapping[str, frozenset[str]] = {
    "annotate": frozenset(),
    "auth": frozenset({"--subresource"}),
    "create": frozenset({"--from-file", "--dry-run", "--output"}),
    "delete": frozenset({"--force", "--grace-period"}),
    "describe": frozenset(),
    "edit": frozenset(),
    "get": frozenset({"--output", "-o", "--show-managed-fields"}),
    "logs": frozenset({"--selector", "--all-containers", "--tail"}),
    "patch": frozenset({"--patch", "--patch-file", "--type"}),
    "replace": frozenset({"--force", "--filename"}),
    "rollout": frozenset(),
    "scale": frozenset({"--replicas"}),
    "set": frozenset(),
}
NAMESPACE = frozenset({"-n", "--namespace"})
WITHOUT_NAMESPACE = (
    "kubectl version",
    "kubectl auth whoami",
    "kubectl auth can-i",
    "kubectl config view",
    "kubectl get nodes",
    "kubectl create namespace",
    "kubectl uncordon",
)
HIGH_LEVEL: Mapping[tuple[str, ...], frozenset[str]] = {
    ("s3", "ls"): frozenset({"--recursive"}),
    ("s3", "cp"): frozenset({"--recursive"}),
    ("sso", "login"): frozenset({"--profile"}),
    ("eks", "update-kubeconfig"): frozenset({"--name", "--region"}),
}
"""Commands of the AWS CLI that no service model has."""
SERVICES = {"s3api": "s3"}
"""Names of the AWS CLI for services that botocore calls otherwise."""
RENAMED = {"--notification-endpoint": "--endpoint"}
"""Options that the AWS CLI calls otherwise (its customizations/argrename.py)."""
CURL = frozenset({"--fail", "--output"})


def faults(text: str) -> list[str]:
    """What keeps somebody from following a fix; nothing for one that can be followed."""
    if not text.replace(HOLE, "").strip():
        return []
    page = bool(PAGE.search(text))
    pieces = list(_pieces(text))
    problems = [problem for piece in pieces for problem in _faults_of_piece(piece, MANY if page else FEW)]
    followed = page or any(_command(piece) is not None or HOLE in piece for piece in pieces)
    return problems if followed else [*problems, "neither a command nor a page of docs/"]


def _pieces(text: str) -> Iterator[str]:
    """A text taken apart at its joints, those inside quotes left."""
    masked = QUOTED.sub(lambda match: "q" * len(match[0]), text)
    start = 0
    for joint in JOINT.finditer(masked):
        yield text[start : joint.start()]
        start = joint.end()
    yield text[start:]


def _faults_of_piece(piece: str, most: int) -> Iterator[str]:
    for name, heading in PAGE.findall(piece):
        yield from _faults_of_page(name, heading)
    command = _command(piece)
    words = piece if command is None else piece.replace(command, "")
    if len(PAGE.sub("", words).replace(HOLE, "").split()) > most:
        yield f"more than {most} words: {words!r}"
    if command is not None:
        yield from _faults_of_command(command)


def _command(piece: str) -> str | None:
    """The command in a piece, without the words before and behind it."""
    rest = piece
    while True:
        start = rest.split(" ", 1)[0]
        if start in PROGRAMS or start in SQL:
            return REMARK.sub("", rest)
        if ": " not in rest and not rest.startswith(("then ", "or ", "and ")):
            return None
        rest = rest.split(" ", 1)[1] if rest.startswith(("then ", "or ", "and ")) else rest.split(": ", 1)[1]


def _faults_of_page(name: str, heading: str) -> Iterator[str]:
    page = CHECKOUT / name
    if not page.is_file():
        yield f"no page {name}"
    elif heading and heading not in _headings(page):
        yield f"{name} has no heading {heading!r}"


def _headings(page: Path) -> list[str]:
    return [re.sub(r"^#+ ", "", line) for line in page.read_text().splitlines() if line.startswith("#")]


def _faults_of_command(command: str) -> Iterator[str]:
    plain = PLACEHOLDER.sub("x", command.replace(HOLE, "x"))
    if plain.split(" ", 1)[0] not in PROGRAMS:
        if not STATEMENTS.fullmatch(plain):
            yield f"no SQL statement that is known here: {plain}"
        return
    for words in _pipeline(plain):
        if words[0] in CHECKS:
            yield from (f"{fault}: {' '.join(words)}" for fault in CHECKS[words[0]](words[1:]))


def _pipeline(command: str) -> Iterator[list[str]]:
    words: list[str] = []
    for word in shlex.split(command):
        if word == "|":
            yield words
            words = []
        else:
            words.append(word)
    yield words


def _options(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}


def _pulumi(words: list[str]) -> Iterator[str]:
    allowed = next((options for verb, options in PULUMI.items() if tuple(words[: len(verb)]) == verb), None)
    if allowed is None:
        yield "unknown command"
    elif words[0] != "config" and (unknown := _options(words) - allowed):
        yield f"unknown options {sorted(unknown)}"


def _kubectl(words: list[str]) -> Iterator[str]:
    if f"kubectl {' '.join(words)}".startswith(WITHOUT_NAMESPACE):
        return
    options = _options(words)
    if not options & NAMESPACE and "--dry-run" not in options:
        yield "no namespace"
    allowed = next((KUBECTL[word] for word in words if word in KUBECTL), None)
    if allowed is None:
        yield "unknown verb"
    elif unknown := options - allowed - NAMESPACE:
        yield f"unknown options {sorted(unknown)}"


def _aws(words: list[str]) -> Iterator[str]:
    options = {RENAMED.get(option, option) for option in _options(words) if option.startswith("--")}
    high_level = HIGH_LEVEL.get(tuple(words[:2]))
    if high_level is not None:
        yield from (f"unknown option {option}" for option in sorted(options - high_level))
    elif words[1] == "wait":
        waiters = WaiterModel(LOADER.load_service_model(words[0], "waiters-2"))
        names = {xform_name(name, "-"): name for name in waiters.waiter_names}
        if words[2] not in names:
            yield "no such waiter"
        else:
            yield from _faults_of_call(words[0], waiters.get_waiter(names[words[2]]).operation, options)
    else:
        operations = {xform_name(name, "-"): name for name in _service(words[0]).operation_names}
        if words[1] not in operations:
            yield "no such operation"
        else:
            yield from _faults_of_call(words[0], operations[words[1]], options)


def _service(name: str) -> ServiceModel:
    service = SERVICES.get(name, name)
    return ServiceModel(LOADER.load_service_model(service, "service-2"), service)


def _faults_of_call(service: str, operation: str, options: set[str]) -> Iterator[str]:
    shape = _service(service).operation_model(operation).input_shape
    members = {f"--{xform_name(member, '-')}" for member in shape.members} if shape else set[str]()
    required = {f"--{xform_name(member, '-')}" for member in shape.required_members} if shape else set[str]()
    yield from (
        f"unknown option {option}" for option in sorted(options - members - {"--region", "--query", "--output"})
    )
    yield from (f"{option} is missing" for option in sorted(required - options))


def _python(words: list[str]) -> Iterator[str]:
    parsers = {
        "restore": restore.cli.main.build_parser,
        "restore.dumps": restore.dumps.cli.build_parser,
        "validation": validation.commands.main.build_parser,
    }
    if words[0] != "-m" or words[1] not in parsers:
        yield "no command of this program"
        return
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parsers[words[1]]().parse_args(words[2:])
    except SystemExit as ended:
        if ended.code:
            yield said.getvalue().strip().splitlines()[-1]


def _curl(words: list[str]) -> Iterator[str]:
    if unknown := _options(words) - CURL:
        yield f"unknown options {sorted(unknown)}"


CHECKS: Mapping[str, Callable[[list[str]], Iterator[str]]] = {
    "pulumi": _pulumi,
    "kubectl": _kubectl,
    "aws": _aws,
    "python": _python,
    "curl": _curl,
}
