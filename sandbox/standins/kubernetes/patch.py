"""A patch resource: server-side apply of some fields of an object that somebody else owns."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from sandbox.standins.kubernetes import readiness
from sandbox.standins.kubernetes.api_client import Api, KubernetesError
from sandbox.standins.kubernetes.patched_objects import (
    DEPLOYMENT,
    FORCE,
    SKIP_AWAIT,
    Kind,
    annotation,
    checked,
    difference,
    manager,
    metadata,
    outputs,
    pruned,
    relinquishing,
    sealed,
)
from sandbox.standins.kubernetes.provider_config import KubernetesSettings
from sandbox.standins.plugin.interface import (
    Call,
    CallRefused,
    Checked,
    CreatedButFailed,
    Difference,
    ReadResult,
    Surroundings,
    Unreachable,
)
from sandbox.standins.plugin.property_values import Properties

AWAIT_SECONDS = 600.0
POLL_SECONDS = 0.2
WARNING_SECONDS = 10.0
CONFLICT = (
    "server-side apply field conflict detected, see https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/"
    "managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources for troubleshooting help"
)
LOST = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the "
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)


class NotReady(CallRefused):
    """The object was patched, but did not become ready."""

    def __init__(self, text: str, details: list[str]) -> None:
        super().__init__(text)
        self.details = details


class Patch:
    """One patched kind of object."""

    def __init__(self, kind: Kind, api: Api, settings: KubernetesSettings, surroundings: Surroundings) -> None:
        self._kind, self._api, self._settings, self._around = kind, api, settings, surroundings

    def check(self, call: Call) -> Checked:
        return checked(self._kind, call, self._settings.namespace)

    def diff(self, call: Call) -> Difference:
        return difference(call.state, call.old_inputs, call.news)

    def create(self, call: Call) -> tuple[str, Properties]:
        """A preview echoes the inputs: it is green without the object, and without a cluster."""
        if call.preview:
            return "", call.raw
        inputs, who = call.news, manager(call.news)
        try:
            live = self._apply(inputs, who)
        except Unreachable as error:
            raise _unreachable(error) from error
        except CallRefused as error:
            raise CallRefused(
                f'resource "{call.urn}" was not successfully created by the Kubernetes API server: {error}'
            ) from error
        identity = _identity(inputs)
        try:
            live = self._last_seen(inputs, self._ready(live, call))
        except NotReady as error:
            text = (
                f'resource "{call.urn}" was successfully created, but the Kubernetes API server reported that it '
                f"failed to fully initialize or become live: {error}"
            )
            raise self._partial(text, identity, inputs, who, error.details) from error
        return identity, outputs(self._kind, live, inputs, who)

    def update(self, call: Call) -> Properties:
        inputs, who = call.news, manager(call.news, call.state)
        if call.preview:
            return self._previewed(call, inputs, who)
        try:
            self._live(inputs)
        except Unreachable as error:
            raise _unreachable(error) from error
        except CallRefused as error:
            raise CallRefused(
                f'update of resource "{call.urn}" failed: {error}\nunable to get cluster state: {error}'
            ) from error
        try:
            live = self._last_seen(inputs, self._ready(self._apply(inputs, who), call))
        except CallRefused as error:
            became = "failed to fully initialize or become live"
            text = f'the Kubernetes API server reported that "{call.id}" {became}: {error}'
            details = error.details if isinstance(error, NotReady) else []
            raise self._partial(text, call.id, inputs, who, details) from error
        self._leave_earlier_manager(call.state, inputs, who)
        return outputs(self._kind, live, inputs, who)

    def _previewed(self, call: Call, inputs: Properties, who: str) -> Properties:
        try:
            self._live(inputs)
            live = self._apply(inputs, who, dry_run=True)
        except CallRefused:
            return call.raw
        return outputs(self._kind, live, inputs, who)

    def _leave_earlier_manager(self, state: Properties, inputs: Properties, who: str) -> None:
        earlier = str(state.get("__fieldManager") or who)
        if earlier != who:
            self._api.apply(self._path(inputs), relinquishing(self._kind, inputs), earlier, force=False)

    def read(self, call: Call) -> ReadResult | None:
        namespace, _, name = call.id.rpartition("/")
        try:
            live = self._api.get(self._kind.path(namespace or self._settings.namespace, name))
        except Unreachable as error:
            if self._settings.delete_unreachable:
                return None
            raise CallRefused(f"failed to read resource state due to unreachable cluster. {LOST}") from error
        except KubernetesError as error:
            if error.code == 404:
                return None
            raise
        earlier = call.old_inputs or _bare(self._kind, namespace, name)
        inputs = pruned(earlier, live)
        state = outputs(self._kind, live, inputs, manager(inputs, call.state))
        return ReadResult(call.id, sealed(self._kind, inputs), state)

    def delete(self, call: Call) -> None:
        """Gives the fields up; the object stays. What nobody else owns falls back to its default, or vanishes."""
        inputs = call.state.get("__inputs") or call.old_inputs
        who = str(call.state.get("__fieldManager") or manager(inputs))
        with self._deleting():
            self._live(inputs)
            self._api.apply(self._path(inputs), relinquishing(self._kind, inputs), who, force=False)

    @contextmanager
    def _deleting(self) -> Generator[None]:
        """What is gone already is deleted; so is what no cluster answers for, where the settings say so."""
        try:
            yield
        except Unreachable as error:
            if not self._settings.delete_unreachable:
                raise CallRefused(f"configured Kubernetes cluster is unreachable. {LOST}") from error
        except KubernetesError as error:
            if error.code != 404:
                raise

    def _path(self, inputs: Properties) -> str:
        named = metadata(inputs)
        return self._kind.path(named["namespace"], named["name"])

    def _live(self, inputs: Properties) -> Properties:
        return self._api.get(self._path(inputs))

    def _last_seen(self, inputs: Properties, live: Properties) -> Properties:
        """The object once more, as the provider reads it at the end; who may not read it keeps what was answered."""
        try:
            return self._live(inputs)
        except CallRefused:
            return live

    def _apply(self, inputs: Properties, who: str, *, dry_run: bool = False) -> Properties:
        force = self._settings.force or annotation(inputs, FORCE).lower() == "true"
        try:
            return self._api.apply(self._path(inputs), inputs, who, force=force, dry_run=dry_run)
        except KubernetesError as error:
            if error.code != 409:
                raise
            raise CallRefused(
                f'{CONFLICT}\nThe resource managed by field manager "{who}" had an apply conflict: {error}'
            ) from error

    def _ready(self, live: Properties, call: Call) -> Properties:
        """Waits until a Deployment is rolled out; other kinds, and skipAwait, are ready as they are."""
        inputs = call.news
        if self._kind is not DEPLOYMENT or annotation(inputs, SKIP_AWAIT).lower() == "true":
            return live
        self._watch(live)
        begun = time.monotonic()
        told: set[str] = set()
        warn_at = WARNING_SECONDS
        while not readiness.is_ready(live):
            name, waited = live["metadata"]["name"], time.monotonic() - begun
            if waited > (call.timeout or AWAIT_SECONDS):
                raise NotReady(f"'{name}' timed out waiting to be Ready", self._reasons(live))
            if waited > warn_at:
                warn_at += WARNING_SECONDS
                told |= self._warned(call, set(self._reasons(live)) - {readiness.TOO_FEW} - told)
            if self._around.cancelled.wait(POLL_SECONDS):
                raise NotReady(f"Resource operation was cancelled for '{name}'", self._reasons(live))
            live = self._live(inputs)
        if readiness.is_scaled_to_zero(live):
            self._warned(call, {"Replicas scaled to 0"})
        return live

    def _watch(self, live: Properties) -> None:
        """Waits until all that the provider's informers need can be listed and watched.

        Without a right that is for ever, for no timer runs yet.
        """
        name, namespace = live["metadata"]["name"], live["metadata"]["namespace"]
        for path in readiness.WATCHED:
            while not self._listed(path.format(namespace=namespace)):
                if self._around.cancelled.wait(POLL_SECONDS):
                    raise NotReady(f"Resource operation was cancelled for '{name}'", [])

    def _listed(self, path: str) -> bool:
        try:
            self._api.list(path, "")
            self._api.watch(path)
        except CallRefused:
            return False
        return True

    def _warned(self, call: Call, texts: set[str]) -> set[str]:
        for text in sorted(texts):
            self._around.warn(call.urn, text)
        return texts

    def _reasons(self, live: Properties) -> list[str]:
        namespace = live["metadata"]["namespace"]
        try:
            pods = self._api.list(f"/api/v1/namespaces/{namespace}/pods", readiness.selector(live))
        except CallRefused as error:
            return [str(error)]
        return readiness.reasons(pods)

    def _partial(
        self, text: str, identity: str, inputs: Properties, who: str, details: list[str]
    ) -> CreatedButFailed | CallRefused:
        """The state that is saved with the failure: the object as it is now."""
        try:
            live = self._live(inputs)
        except CallRefused as error:
            return CallRefused(f"{text}\nunable to get cluster state: {error}")
        return CreatedButFailed(text, identity, outputs(self._kind, live, inputs, who), details)


class OwnObject(Patch):
    """An object of the program's own: made by a server-side apply too, and deleted with its resource."""

    def delete(self, call: Call) -> None:
        inputs = call.state.get("__inputs") or call.old_inputs
        with self._deleting():
            self._api.delete(self._path(inputs))


def _identity(inputs: Properties) -> str:
    named = metadata(inputs)
    return f"{named['namespace']}/{named['name']}"


def _bare(kind: Kind, namespace: str, name: str) -> Properties:
    return relinquishing(kind, {"metadata": {"name": name, "namespace": namespace}})


def _unreachable(error: Unreachable) -> CallRefused:
    return CallRefused(f"configured Kubernetes cluster is unreachable: {error}")
