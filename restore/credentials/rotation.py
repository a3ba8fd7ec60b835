"""`python -m restore credentials rotate`, step by step; each step is safe to repeat, so a rotation that was killed goes
on when the command runs again.

1. The journal is made: a Secret with the applications' old and new password (restore/credentials/journal.py).
2. The operator's new password is put into its secret as the pending version; RDS makes it where it manages the secret.
3. On each database the roles get their new passwords, and their sessions are ended.
4. On each database it is proved that the new passwords are accepted and the old ones refused.
5. The applications' secret in Secrets Manager and their Secret in the cluster change; the pending version becomes the
   current one.
6. The evidence is written; the journal goes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from restore import postgres
from restore.aws import Aws, Credential, Rds, Secrets
from restore.aws.login import parse_secret
from restore.aws.secret_versions import CURRENT, PENDING, PREVIOUS, SecretVersion, SecretVersions
from restore.credentials import databases
from restore.credentials import plan as plans
from restore.credentials.databases import OperatorLogins, RolePassword
from restore.credentials.journal import VERSION_PREFIX, Journal, Journals, make_password, make_version
from restore.credentials.password_texts import change_values, read_login, replace_password
from restore.credentials.plan import COMMAND, LEAVE_SOURCE, RotationPlan
from restore.errors import PermanentError, Problem, Refused, RestoreError
from restore.evidence import Store
from restore.gates.proofs import find_record
from restore.kubernetes import Api, Namespace
from restore.kubernetes.secret_values import read_values, write_values
from restore.model.context import RestoreContext
from restore.model.managed_login import is_kept_by_rds
from restore.model.rds import Instance
from restore.model.request import Settings
from restore.polling import wait_for
from restore.redaction import register_secret
from restore.retrying import retry

RDS_ROTATES_SECONDS = 900.0


@dataclass(frozen=True)
class Rotation:
    """One rotation of one restore: what it knows, and the adapters that it acts through."""

    context: RestoreContext
    leave_source: bool
    aws: Aws
    api: Api
    store: Store
    say: Callable[[str], object]

    @property
    def settings(self) -> Settings:
        return self.context.settings

    @cached_property
    def rds(self) -> Rds:
        return Rds(self.aws)

    @cached_property
    def versions(self) -> SecretVersions:
        return SecretVersions(self.aws)

    @cached_property
    def namespace(self) -> Namespace:
        return Namespace(self.api, self.settings.namespace)

    @cached_property
    def journals(self) -> Journals:
        return Journals(self.api, self.settings.namespace, self.context.request.id)

    @property
    def candidate(self) -> Instance:
        candidate = self.context.candidate
        if candidate is None:
            raise ValueError("a rotation without a candidate is refused")
        return candidate

    @property
    def databases(self) -> tuple[Instance, ...]:
        source = None if self.leave_source else self.context.local_source
        return (self.candidate, source) if source else (self.candidate,)

    @property
    def url(self) -> str:
        secret = self.context.inventory.cluster.secret
        return secret.url if secret and secret.url else ""

    @cached_property
    def application(self) -> Credential:
        """The applications' login as their URL has it now."""
        return read_login(self.url)

    @property
    def managed(self) -> bool:
        source = self.context.local_source
        return bool(source and is_kept_by_rds(self.settings.login, source))

    @property
    def secret_id(self) -> str:
        return self.settings.login.secret_id or ""

    # -- before anything changes --------------------------------------------------------------------------------

    def prepare(self) -> RotationPlan:
        """Asks everything that the rotation depends on. Raises Refused with all that stands against it."""
        candidate = self.context.candidate
        record = candidate and find_record(
            self.store, self.settings.stack, self.context.request.id, "validated", candidate
        )
        problems = [
            *plans.find_problems(
                self.context, proved=bool(record), pods=self._list_running_pods(), leave_source=self.leave_source
            )
        ]
        if problems:
            raise Refused(problems)
        if problems := [*self._find_secret_problems()]:
            raise Refused(problems)
        journal = self.journals.read()
        logins = self._read_known_logins(journal)
        left_alone = self._ask_databases(logins)
        return RotationPlan(
            self.context.request.id,
            self.databases,
            operator="" if self.settings.login.iam else logins.user,
            application=self.application.user if self.application.password else "",
            kept_in=self._list_places(),
            resumed=journal is not None,
            left_alone=left_alone,
        )

    def _list_running_pods(self) -> list[str]:
        selectors = [deployment.selector for _, deployment in self.context.apps]
        return [pod.name for selector in selectors for pod in self.namespace.list_pods(selector) if not pod.ended]

    def _find_secret_problems(self) -> Iterable[Problem]:
        """Yields what is wrong with the secrets in Secrets Manager."""
        if self.managed:
            if self.leave_source:
                needed = "a secret of the operator's own: RDS changes this one with the source alone"
                fix = f"pulumi config set --plaintext --path login.secretId <name>; {LEAVE_SOURCE}"
                yield Problem("config login.secretId", "the secret that RDS manages for the source", needed, fix)
        elif self.secret_id and not self.settings.login.iam:
            pending = self.versions.find_staged(self.secret_id, PENDING)
            if pending and CURRENT not in pending.stages and not pending.id.startswith(VERSION_PREFIX):
                cancel = f"aws secretsmanager cancel-rotate-secret --secret-id {self.secret_id}"
                found = f"version {pending.id} is pending: somebody else rotates it"
                yield Problem(f"secret {self.secret_id}", found, "no rotation by others", f"{cancel}; {COMMAND}")
        stored = self.settings.secret.secret_id
        if stored and self.application.password:
            version = self.versions.read_current(stored)
            known = replace_password(version.text, self.application, "x") != version.text
            if not known and not version.id.startswith(VERSION_PREFIX):
                found = f"the password of {self.application.user} isn't in it"
                needed = "the applications' login: the password, its URL, or JSON with either"
                fix = "pulumi config set --plaintext --path secret.secretId <name>"
                yield Problem(f"secret {stored}", found, needed, fix)

    def _read_known_logins(self, journal: Journal | None) -> OperatorLogins:
        """The operator's logins of which a server may know one, as they are before this run changes anything."""
        login = self.settings.login
        if login.iam:
            return OperatorLogins(login.user, (), partial(Secrets(self.aws).read_login, login))
        pending = self.versions.find_version(self.secret_id, journal.version) if journal else None
        texts = (
            pending,
            self.versions.read_current(self.secret_id),
            self.versions.find_staged(self.secret_id, PREVIOUS),
        )
        known = [self._parse_login(version) for version in texts if version]
        return OperatorLogins(known[0].user, tuple(dict.fromkeys(item.password for item in known)))

    def _parse_login(self, version: SecretVersion) -> Credential:
        login = parse_secret(self.secret_id, version.text, self.settings.login.user)
        register_secret(login.password)
        return login

    def _ask_databases(self, logins: OperatorLogins) -> tuple[str, ...]:
        """Logs in to each database; returns what is left alone. Raises Refused when one can't be asked."""
        roles = (logins.user, self.application.user)
        left: list[str] = []
        for database in self.databases:
            try:
                login = databases.find_login(database, logins, self.settings.tls)
            except RestoreError as error:
                if database is self.candidate:
                    raise
                raise Refused([databases.build_unreachable(database, error)]) from error
            if login:
                others = databases.list_left_alone(database, login, self.settings.tls, roles)
                left += [f"role {name} on {database.identifier}" for name in others if name != database.master_user]
            elif database is not self.candidate or self.candidate.master_user != logins.user:
                error = PermanentError("it refuses every password of the operator's that is known")
                raise Refused([databases.build_unreachable(database, error)])
            if self.settings.login.iam or database.master_user not in roles:
                left.append(f"master user {database.master_user} of {database.identifier}")
        return tuple(dict.fromkeys([*left, *self._list_references()]))

    def _list_references(self) -> Iterable[str]:
        """What else gives the applications' pods the password: the key of the Secret is no part of it."""
        own, application = f"Secret/{self.settings.secret.name}/", self.application
        for reference in self.context.inventory.cluster.references if application.password else ():
            is_held = replace_password(reference.text, application, "x") != reference.text
            if is_held and not reference.place.startswith(own):
                yield f"{reference.place} of {reference.app}, which holds the old password"

    def _list_places(self) -> tuple[str, ...]:
        stored = self.settings.secret.secret_id
        iam = self.settings.login.iam
        return (
            *(() if iam else (f"Secrets Manager {self.secret_id}",)),
            *((f"Secrets Manager {stored}",) if stored else ()),
            *((f"Secret {self.settings.secret.name}",) if self.application.password else ()),
        )

    # -- the steps ----------------------------------------------------------------------------------------------

    def run(self) -> dict[str, Any]:
        """Does the steps; returns the facts for the evidence. Raises RestoreError; what is done stays done."""
        journal = self.journals.read() or self.journals.begin(self._make_journal())
        logins = self._begin_operator(journal)
        roles = self._list_roles(journal, logins)
        changed = [self._change(database, logins, roles) for database in self.databases]
        self._prove(roles)
        self.say("the new passwords are accepted, the old ones refused")
        keys = self._store_application(journal, roles)
        if not self.settings.login.iam and not self.managed:
            self.versions.promote(self.secret_id, journal.version)
        return {
            "databases": changed,
            "roles": [role.user for role in roles],
            "old_refused": True,
            "new_accepted": True,
            "kept_in": [*self._list_places()],
            "keys": keys,
            "source": "left" if len(self.databases) == 1 else "rotated",
        }

    def _prove(self, roles: Sequence[RolePassword]) -> None:
        """Raises PermanentError for the first role that isn't as it must be."""
        for database in self.databases:
            for problem in databases.prove(database, roles, self.settings.tls):
                raise PermanentError.of(problem)

    def end(self) -> None:
        """Does the last step, after the evidence."""
        self.journals.end()

    def _make_journal(self) -> Journal:
        shared = not self.settings.login.iam and self._read_known_logins(None).user == self.application.user
        own = bool(self.application.password) and not shared
        return Journal(
            version=make_version(),
            managed_before=self.versions.read_current(self.secret_id).id if self.managed else "",
            application_old=self.application.password if own else "",
            application_new=make_password() if own else "",
        )

    def _begin_operator(self, journal: Journal) -> OperatorLogins:
        """Sees to it that the operator's new password is kept; returns the logins with it in front."""
        if self.settings.login.iam:
            return self._read_known_logins(journal)
        if self.managed:
            self._await_rotation_by_rds(journal)
        elif self.versions.find_version(self.secret_id, journal.version) is None:
            current = self.versions.read_current(self.secret_id)
            text = replace_password(current.text, self._parse_login(current), make_password())
            self.versions.put(self.secret_id, journal.version, text, PENDING)
            self.say(f"{self.secret_id}: a new password is pending")
        return self._read_known_logins(None if self.managed else journal)

    def _await_rotation_by_rds(self, journal: Journal) -> None:
        if self.versions.read_current(self.secret_id).id == journal.managed_before:
            self.versions.rotate(self.secret_id)
            self.say(f"{self.secret_id}: RDS makes a new password")
        source = self.context.local_source
        assert source is not None
        wait_for(
            lambda: self._is_rotated_by_rds(journal, source),
            bool,
            stop=threading.Event(),
            deadline=time.monotonic() + RDS_ROTATES_SECONDS,
            subject=f"RDS to rotate {self.secret_id}",
            describe=lambda _: "not yet",
            fix=COMMAND,
            say=self.say,
            longest=5.0,
        )

    def _is_rotated_by_rds(self, journal: Journal, source: Instance) -> bool:
        """The secret is new, and the source has that password."""
        current = self.versions.read_current(self.secret_id)
        login = self._parse_login(current)
        logins = OperatorLogins(login.user, (login.password,))
        return current.id != journal.managed_before and bool(databases.find_login(source, logins, self.settings.tls))

    def _list_roles(self, journal: Journal, logins: OperatorLogins) -> tuple[RolePassword, ...]:
        """The roles with their passwords. Where the applications use the operator's role, there is one."""
        roles: list[RolePassword] = []
        if not logins.make_token:
            new, *old = logins.passwords
            roles.append(RolePassword(logins.user, new, tuple(old), {"dbname": databases.MAINTENANCE}))
        if journal.application_new:
            parameters = postgres.read_application_login(self.url)
            old = (journal.application_old,)
            roles.append(RolePassword(self.application.user, journal.application_new, old, parameters))
        return tuple(roles)

    def _change(self, database: Instance, logins: OperatorLogins, roles: Sequence[RolePassword]) -> dict[str, Any]:
        login = databases.find_login(database, logins, self.settings.tls)
        if login is None:
            self.say(f"{database.identifier} has another master password (of its recovery point): RDS sets the new one")
            login = databases.reset_master_password(self.rds, database, logins, self.settings.tls)
        ended = databases.change_passwords(database, login, roles, self.settings.tls)
        names = ", ".join(role.user for role in roles)
        self.say(f"{database.identifier}: new passwords of {names} ({ended} sessions ended)")
        return {"identifier": database.identifier, "resource_id": database.resource_id, "sessions_ended": ended}

    def _store_application(self, journal: Journal, roles: Sequence[RolePassword]) -> list[str]:
        """Writes the applications' new password where it is kept; returns the keys of their Secret that changed."""
        role = next((role for role in roles if role.user == self.application.user), None)
        if role is None or not self.application.password:
            return []
        stored = self.settings.secret.secret_id
        if stored and (version := self.versions.read_current(stored)).id != journal.version:
            text = replace_password(version.text, self.application, role.new)
            self.versions.put(stored, journal.version, text, CURRENT)
        keys = retry(partial(self._write_secret, role.new), subject=f"secret {self.settings.secret.name}")
        self.say(f"Secret {self.settings.secret.name}: new password in {', '.join(keys) or 'its keys already'}")
        return keys

    def _write_secret(self, new: str) -> list[str]:
        """Replaces the password in every key of the Secret in which it stands. Raises PermanentError when the URL
        doesn't hold the new one then."""
        name, namespace = self.settings.secret.name, self.settings.namespace
        read = read_values(self.api, namespace, name)
        changed = change_values(read.texts, self.application, new)
        if changed:
            secret = self.context.inventory.cluster.secret
            write_values(self.api, namespace, name, read, changed, secret.key_manager if secret else None)
        now = self.namespace.read_connection_secret(self.settings.secret)
        if now is None or not now.url or read_login(now.url).password != new:
            found, needed = "its URL hasn't the new password", "the new password, for the switch"
            raise PermanentError.of(Problem(f"secret {name}", found, needed, COMMAND))
        return [*changed]


def connect(context: RestoreContext, *, leave_source: bool) -> Rotation:
    """Makes the rotation with its adapters; nothing is asked yet."""
    aws = Aws.of(context.settings)
    api = Api(context.settings.kubeconfig, context.settings.context)
    store = Store.open(context.settings.evidence, aws)
    return Rotation(context, leave_source, aws, api, store, partial(print, flush=True))
