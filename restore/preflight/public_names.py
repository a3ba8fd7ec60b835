"""The names that stand in the configuration, in AWS and in every message anyway, and passwords that are one. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from restore.model.context import ENGINE, RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Settings
from restore.redaction import SHORT
from validation.connect import urls

ENGINES = (ENGINE, "postgresql", "aurora-postgresql")
NAMED_IN_URL = ("user", "dbname", "host")


def list_public_names(settings: Settings) -> frozenset[str]:
    """Returns the names of the configuration: where everything is, and what it is called."""
    request, login, secret = settings.request, settings.login, settings.secret
    names = [
        *ENGINES,
        *(settings.stack, settings.region, settings.source, settings.namespace, secret.name, secret.key),
        *(login.user, login.secret_id, login.database, settings.backups.bucket, settings.backups.prefix),
        *(settings.backups.owner, settings.validation.image),
        *(app.name for app in settings.apps),
        *((request.id, request.snapshot, request.dump) if request else ()),
    ]
    return frozenset(name for name in names if name)


def list_found_names(inventory: Inventory) -> frozenset[str]:
    """Returns the names of what was found: identifiers, and whom and what the applications' URL names."""
    instances = [instance for instance in (inventory.source, inventory.candidate) if instance]
    names = [name for instance in instances for name in (instance.identifier, instance.resource_id, instance.engine)]
    return frozenset([*names, *_list_names_in_url(inventory, NAMED_IN_URL)])


def _list_names_in_url(inventory: Inventory, parameters: Iterable[str]) -> list[str]:
    secret = inventory.cluster.secret
    if not secret or not secret.url:
        return []
    try:
        parameters_of_url = urls.read_parameters(secret.url)
    except ValueError:
        return []  # what is wrong with the URL is said by its own rule
    return [value for name in parameters if (value := parameters_of_url.get(name))]


def list_password_warnings(context: RestoreContext) -> Iterable[str]:
    """Warns of a password that is a public name: it can't be masked: it would be found in everything. It is never shown
    here."""
    names = list_public_names(context.settings) | list_found_names(context.inventory)
    for password in _list_names_in_url(context.inventory, ["password"]):
        guessed = any(password in name for name in names)
        if guessed or len(password) < SHORT:
            why = "is a name that stands in every message" if guessed else f"has fewer than {SHORT} characters"
            secret = context.settings.secret
            yield (
                f"note: the password in secret {secret.name}, key {secret.key}, {why}: anybody can guess it, and no "
                "output can mask it; give its role another one"
            )
