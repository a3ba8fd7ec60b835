"""Killed before or after any change of the world outside, a rotation ends where it would have ended."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import unquote

import pytest

from restore.aws.secret_versions import CURRENT, PENDING, PREVIOUS, SecretVersion
from restore.credentials import databases
from restore.credentials.rotation import Rotation
from restore.errors import PermanentError, Problem, Refused
from restore.kubernetes.api import Conflict
from restore.model.cluster import ConnectionSecret
from restore.model.context import RestoreContext
from restore.model.rds import Credential, Endpoint
from restore.model.request import Login, SecretKey, Traffic
from restore.postgres.errors import LOGIN_PAGE
from tests.support import worlds as w

FROZEN = replace(w.PITR, traffic=Traffic.FROZEN)
OPERATOR, APPLICATION = "shop_admin", "shop_app"
STOLEN, STOLEN_TOO = "old-operator-pw", unquote(w.PASSWORD)
OPERATOR_SECRET, STORED = "db-password", "shop/application"
MANAGED = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-1-AbCdEf"
REFUSED = PermanentError.of(Problem("PostgreSQL", "password authentication failed", "a login", LOGIN_PAGE))
EVERYWHERE = range(60)
"""More changes than a rotation makes."""


class KilledError(BaseException):
    """As SIGKILL: nothing that is written for errors sees it."""


@dataclass
class World:
    """Servers by host, secrets by name: what outlives the process. `kill_at`: the change at which it is killed."""

    servers: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    versions: dict[str, dict[str, SecretVersion]] = field(default_factory=dict[str, dict[str, SecretVersion]])
    objects: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    kill_at: int = -1
    after: bool = False
    changes: int = 0
    asked_to_rotate: int = 0

    def change(self, make: Callable[[], None]) -> None:
        killed = self.changes == self.kill_at
        self.changes += 1
        if killed and not self.after:
            raise KilledError
        make()
        if killed:
            raise KilledError

    # Secrets Manager

    def find_staged(self, secret_id: str, stage: str) -> SecretVersion | None:
        return next((item for item in self.versions[secret_id].values() if stage in item.stages), None)

    def read_current(self, secret_id: str) -> SecretVersion:
        version = self.find_staged(secret_id, CURRENT)
        assert version is not None
        return version

    def find_version(self, secret_id: str, version_id: str) -> SecretVersion | None:
        return self.versions[secret_id].get(version_id)

    def put(self, secret_id: str, version_id: str, text: str, stage: str) -> None:
        def make() -> None:
            self.versions[secret_id].setdefault(version_id, SecretVersion(version_id, frozenset(), text))
            self._label(secret_id, version_id, stage)

        self.change(make)

    def promote(self, secret_id: str, version_id: str) -> None:
        self.change(lambda: self._label(secret_id, version_id, CURRENT))

    def rotate(self, secret_id: str) -> None:
        def make() -> None:
            self.asked_to_rotate += 1
            text = json.dumps({"username": OPERATOR, "password": f"made-by-rds-{self.asked_to_rotate}"})
            self.versions[secret_id]["rds"] = SecretVersion("rds", frozenset(), text)
            self._label(secret_id, "rds", CURRENT)
            self.servers[w.SOURCE_HOST][OPERATOR] = f"made-by-rds-{self.asked_to_rotate}"

        self.change(make)

    def _label(self, secret_id: str, version_id: str, stage: str) -> None:
        versions = self.versions[secret_id]
        former = self.find_staged(secret_id, stage)
        for item in [*versions.values()]:
            gone = {stage, PREVIOUS} if stage == CURRENT else {stage}
            versions[item.id] = replace(item, stages=item.stages - gone)
        stages = {stage} if stage == CURRENT else {stage, *versions[version_id].stages}
        versions[version_id] = replace(versions[version_id], stages=frozenset(stages))
        if stage == CURRENT and former and former.id != version_id:
            versions[former.id] = replace(versions[former.id], stages=frozenset({PREVIOUS}))

    # Kubernetes

    def get(self, path: str) -> dict[str, Any] | None:
        return self.objects.get(path.rpartition("/")[2])

    def create(self, _path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        name = str(body["metadata"]["name"])
        if name in self.objects:
            raise Conflict("exists")
        self.change(lambda: self.objects.update({name: dict(body)}))
        return self.objects[name]

    def patch(self, path: str, body: Mapping[str, Any], kind: str, **query: str) -> None:
        assert (kind, query) == ("merge", {"fieldManager": "kubectl-client-side-apply"})
        name = path.rpartition("/")[2]
        item = self.objects[name]
        self.change(lambda: self.objects.update({name: {**item, "data": {**item["data"], **body["data"]}}}))

    def delete(self, path: str) -> None:
        self.change(lambda: self.objects.__delitem__(path.rpartition("/")[2]))

    @property
    def url(self) -> str:
        return base64.b64decode(self.objects["database-credentials"]["data"]["DATABASE_URL"]).decode()

    # PostgreSQL

    def accepts(self, login: Mapping[str, str], endpoint: Endpoint, _tls: object) -> bool:
        return self.servers[endpoint.host][login["user"]] == login["password"]

    @contextmanager
    def connect(self, endpoint: Endpoint, credential: Credential, _tls: object, _database: str) -> Generator[Any]:
        if self.servers[endpoint.host][credential.user] != credential.password:
            raise REFUSED
        yield endpoint.host

    def set_password(self, host: Any, role: str, password: str) -> None:
        self.change(lambda: self.servers[host].update({role: password}))


def secret_of(url: str) -> dict[str, Any]:
    texts = {"DATABASE_URL": url, "JWT_SECRET": "s3cr3t"}
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return {"metadata": {"name": "database-credentials", "resourceVersion": "7"}, "data": data}


def answer(value: object) -> Callable[..., object]:
    """A function that says this, whatever it is asked."""

    def say(*_: object) -> object:
        return value

    return say


def connection_secret(url: str) -> ConnectionSecret:
    assert w.RUNNING.secret is not None
    return replace(w.RUNNING.secret, url=url, key_manager="kubectl-client-side-apply/Update")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    made.servers = {host: {OPERATOR: STOLEN, APPLICATION: STOLEN_TOO} for host in (w.SOURCE_HOST, w.CANDIDATE_HOST)}
    first = SecretVersion("first", frozenset({CURRENT}), STOLEN)
    stored = SecretVersion("first", frozenset({CURRENT}), json.dumps({"password": STOLEN_TOO}))
    made.versions = {OPERATOR_SECRET: {"first": first}, STORED: {"first": stored}, MANAGED: {"first": first}}
    made.objects = {"database-credentials": secret_of(w.URL)}
    monkeypatch.setattr(databases.postgres, "connect", made.connect)
    monkeypatch.setattr(databases.postgres, "administer", made.connect)
    monkeypatch.setattr(databases, "set_password", made.set_password)
    monkeypatch.setattr(databases, "is_password_accepted", made.accepts)
    monkeypatch.setattr(databases, "end_sessions", answer(1))
    monkeypatch.setattr(databases, "list_other_logins", answer(("stranger",)))
    return made


class Proved:
    """Evidence in which gate `validated` has opened for the candidate."""

    def read_newest_first(self, *_: str) -> Sequence[Mapping[str, Any]]:
        return [{"open": True, "facts": {"resource_id": w.candidate().resource_id}}]


def rotation(
    world: World, *, leave_source: bool = False, login: Login | None = None, stored: str | None = None
) -> Rotation:
    """A new process: it knows nothing but what the world holds."""
    cluster = replace(
        w.RUNNING,
        deployments={"api": w.held("api", 0, 3), "indexer": w.held("indexer", 0, 2)},
        secret=connection_secret(world.url),
    )
    source = replace(w.instance(), master_user=OPERATOR, managed_secret=MANAGED)
    candidate = replace(w.candidate(), master_user=OPERATOR)
    inventory = replace(w.restored(), source=source, candidate=candidate, cluster=cluster)
    settings = replace(
        w.settings(FROZEN),
        login=login or Login(OPERATOR, OPERATOR_SECRET),
        secret=SecretKey("database-credentials", "DATABASE_URL", secret_id=stored),
    )
    context = RestoreContext(settings, FROZEN, inventory)
    made = Rotation(context, leave_source, cast("Any", None), cast("Any", world), cast("Any", Proved()), lambda _: None)
    made.__dict__.update(versions=world, rds=None, namespace=NamespaceOf(world))
    return made


@dataclass
class NamespaceOf:
    world: World

    def list_pods(self, _selector: str) -> list[Any]:
        return []

    def read_connection_secret(self, _secret: SecretKey) -> ConnectionSecret:
        return connection_secret(self.world.url)


def finish(world: World, **options: Any) -> dict[str, Any]:
    begun = rotation(world, **options)
    begun.prepare()
    facts = begun.run()
    begun.end()
    return facts


def assert_done(world: World, secret_id: str = OPERATOR_SECRET) -> None:
    """Both servers have the passwords that are kept, the stolen ones open nothing, and nothing is left half-way."""
    kept = world.read_current(secret_id)
    operator = json.loads(kept.text)["password"] if kept.text.startswith("{") else kept.text
    for server in world.servers.values():
        assert server[OPERATOR] == operator != STOLEN
        assert f":{server[APPLICATION]}@" in world.url
        assert server[APPLICATION] != STOLEN_TOO
    assert world.objects.keys() == {"database-credentials"}
    assert world.objects["database-credentials"]["data"]["JWT_SECRET"] == base64.b64encode(b"s3cr3t").decode()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("stored", [None, STORED])
def test_a_rotation_killed_at_any_change_ends_where_it_would_have_ended(
    world: World, after: bool, stored: str | None
) -> None:
    made = 0
    for number in EVERYWHERE:
        fresh = rotated_and_killed(world, number, after=after, stored=stored)
        if fresh is None:
            break
        made += 1
    assert made > 7


def rotated_and_killed(world: World, number: int, *, after: bool, stored: str | None) -> World | None:
    """One more rotation of the same world, killed at this change; None when it has ended before that."""
    world.kill_at, world.after, world.changes = number, after, 0
    passwords = {host: dict(server) for host, server in world.servers.items()}
    begun = rotation(world, stored=stored)
    begun.prepare()
    try:
        begun.run()
        begun.end()
    except KilledError:
        world.kill_at = -1
        finish(world, stored=stored)
        assert_done(world)
        assert all(world.servers[host] != before for host, before in passwords.items())
        if stored:
            assert json.loads(world.read_current(STORED).text)["password"] in world.url
        return world
    return None


@pytest.mark.parametrize("number", range(8))
def test_a_password_that_rds_manages_is_rotated_by_rds_once(world: World, number: int) -> None:
    world.kill_at = number
    login = Login(OPERATOR, MANAGED)
    with pytest.raises(KilledError):
        finish(world, login=login)
    world.kill_at = -1
    finish(world, login=login)
    assert_done(world, MANAGED)
    assert world.asked_to_rotate == 1


def test_the_stolen_password_is_proved_dead_and_what_is_left_alone_is_named(world: World) -> None:
    plan = rotation(world).prepare()
    assert plan.roles == (OPERATOR, APPLICATION)
    assert any("role stranger" in item for item in plan.left_alone)
    facts = finish(world)
    assert (facts["old_refused"], facts["new_accepted"], facts["keys"]) == (True, True, ["DATABASE_URL"])
    assert_done(world)


def test_an_old_password_that_still_opens_a_database_is_no_success(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "is_password_accepted", answer(True))
    with pytest.raises(PermanentError, match="still accepts its old password"):
        finish(world)
    assert w.PASSWORD in world.url


def test_a_source_that_refuses_every_login_is_left_on_purpose_only(world: World) -> None:
    world.servers[w.SOURCE_HOST][OPERATOR] = "changed by the thief"
    with pytest.raises(Refused, match="--leave-source"):
        rotation(world).prepare()
    facts = finish(world, leave_source=True)
    assert facts["source"] == "left"
    assert world.servers[w.SOURCE_HOST][APPLICATION] == STOLEN_TOO


def test_a_rotation_of_somebody_else_is_not_walked_over(world: World) -> None:
    world.versions[OPERATOR_SECRET]["theirs"] = SecretVersion("theirs", frozenset({PENDING}), "their-new-pw")
    with pytest.raises(Refused, match="somebody else rotates it"):
        rotation(world).prepare()


def test_a_stored_login_without_the_password_is_told_before_anything_changes(world: World) -> None:
    world.versions[STORED]["first"] = SecretVersion("first", frozenset({CURRENT}), "another-password")
    with pytest.raises(Refused, match="isn't in it"):
        rotation(world, stored=STORED).prepare()
    assert world.changes == 0


def test_applications_that_use_the_operators_role_get_its_new_password(world: World) -> None:
    shared = w.URL.replace(f"//{APPLICATION}:", f"//{OPERATOR}:").replace(w.PASSWORD, STOLEN)
    world.objects["database-credentials"] = secret_of(shared)
    facts = finish(world)
    assert facts["roles"] == [OPERATOR]
    assert f":{world.servers[w.CANDIDATE_HOST][OPERATOR]}@" in world.url
