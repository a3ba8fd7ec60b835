"""Tags between Pulumi's map and the API's list."""

from __future__ import annotations

from typing import Any, cast

from sandbox.standins.aws.rds_client import RdsClient
from sandbox.standins.plugin.property_values import Properties


def to_list(tags: Properties) -> list[dict[str, str]]:
    return [{"Key": key, "Value": str(value)} for key, value in sorted(tags.items()) if not key.startswith("aws:")]


def to_map(tags: Any) -> dict[str, str]:
    listed = cast("list[dict[str, str]]", tags or [])
    return {tag["Key"]: tag.get("Value", "") for tag in listed if not tag["Key"].startswith("aws:")}


def update(rds: RdsClient, arn: str, olds: Properties, news: Properties) -> None:
    removed = sorted(set(olds) - set(news))
    changed = {key: value for key, value in news.items() if olds.get(key) != value}
    if removed:
        rds.call("RemoveTagsFromResource", {"ResourceName": arn, "TagKeys": removed})
    if changed:
        rds.call("AddTagsToResource", {"ResourceName": arn, "Tags": to_list(changed)})
