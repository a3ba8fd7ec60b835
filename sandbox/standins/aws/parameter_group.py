"""aws:rds/parameterGroup:ParameterGroup: a DB parameter group and what it sets (parameter_group.go)."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from sandbox.standins.aws import outputs, tag_lists
from sandbox.standins.aws.input_checks import checked
from sandbox.standins.aws.input_diff import difference
from sandbox.standins.aws.instance import failed
from sandbox.standins.aws.property_schema import PARAMETER_GROUP
from sandbox.standins.aws.rds_client import RdsClient, RdsError
from sandbox.standins.aws.snapshot import no_problems
from sandbox.standins.plugin.interface import Call, CallRefused, Checked, CreatedButFailed, Difference, ReadResult
from sandbox.standins.plugin.property_values import UNKNOWN, Properties, block, items

MOST_AT_ONCE = 20


class ParameterGroupType:
    def __init__(
        self, rds: RdsClient, region: str, default_tags: Mapping[str, str], cancelled: threading.Event
    ) -> None:
        del cancelled  # nothing is waited for
        self._rds, self._region, self._tags = rds, region, default_tags

    def check(self, call: Call) -> Checked:
        return checked(PARAMETER_GROUP, call, self._tags, no_problems, self._region, named="name")

    def diff(self, call: Call) -> Difference:
        return difference(PARAMETER_GROUP, call.state, call.news, call.ignored, names=("name",))

    def create(self, call: Call) -> tuple[str, Properties]:
        inputs = {key: value for key, value in call.news.items() if key != "__defaults"}
        if call.preview:
            unknown = {key: UNKNOWN for key, declared in PARAMETER_GROUP.items() if declared.computed}
            return "", {**unknown, "tagsAll": inputs.get("tags") or {}, **inputs}
        name = str(inputs["name"])
        request = {
            "DBParameterGroupName": name,
            "DBParameterGroupFamily": inputs["family"],
            "Description": inputs.get("description") or "Managed by Pulumi",
            "Tags": tag_lists.to_list(inputs.get("tags") or {}),
        }
        try:
            self._rds.call("CreateDBParameterGroup", request)
        except CallRefused as error:
            raise CallRefused(failed(f"creating RDS DB Parameter Group ({name}): {error}")) from error
        try:
            self._set(name, items(inputs.get("parameters")))
            return name, self._state(name, inputs)
        except CallRefused as error:
            text = failed(f"modifying RDS DB Parameter Group ({name}): {error}")
            raise CreatedButFailed(text, name, inputs) from error

    def update(self, call: Call) -> Properties:
        state, news = call.state, call.news
        if call.preview:
            return {**state, **{key: value for key, value in news.items() if key != "__defaults"}}
        self._set(call.id, items(news.get("parameters")))
        tag_lists.update(self._rds, str(state["arn"]), state.get("tagsAll") or {}, news.get("tags") or {})
        return self._state(call.id, news)

    def read(self, call: Call) -> ReadResult | None:
        try:
            state = self._state(call.id, call.old_inputs)
        except RdsError as error:
            if error.code.startswith("DBParameterGroupNotFound"):
                return None
            raise
        return ReadResult(call.id, outputs.inputs_of(PARAMETER_GROUP, state, call.old_inputs), state)

    def delete(self, call: Call) -> None:
        try:
            self._rds.call("DeleteDBParameterGroup", {"DBParameterGroupName": call.id})
        except CallRefused as error:
            raise CallRefused(failed(f"deleting RDS DB Parameter Group ({call.id}): {error}")) from error

    def _set(self, name: str, parameters: list[Properties]) -> None:
        for first in range(0, len(parameters), MOST_AT_ONCE):
            changes = [
                {
                    "ParameterName": parameter["name"],
                    "ParameterValue": parameter["value"],
                    "ApplyMethod": parameter.get("applyMethod") or "immediate",
                }
                for parameter in parameters[first : first + MOST_AT_ONCE]
            ]
            self._rds.call("ModifyDBParameterGroup", {"DBParameterGroupName": name, "Parameters": changes})

    def _state(self, name: str, earlier: Properties) -> Properties:
        """What AWS says of it; of the parameters only those that a user has set."""
        group = block(
            self._rds.call("DescribeDBParameterGroups", {"DBParameterGroupName": name})["DBParameterGroups"][0]
        )
        request = {"DBParameterGroupName": name, "Source": "user"}
        listed = items(self._rds.call("DescribeDBParameters", request)["Parameters"])
        methods = {p["name"]: p.get("applyMethod") for p in items(earlier.get("parameters"))}
        parameters = [
            {
                "name": parameter["ParameterName"],
                "value": parameter.get("ParameterValue", ""),
                "applyMethod": methods.get(parameter["ParameterName"]) or parameter.get("ApplyMethod"),
            }
            for parameter in listed
        ]
        arn = str(group["DBParameterGroupArn"])
        tags = tag_lists.to_map(self._rds.call("ListTagsForResource", {"ResourceName": arn})["TagList"])
        return {
            "arn": arn,
            "name": name,
            "namePrefix": "",
            "family": group["DBParameterGroupFamily"],
            "description": group["Description"],
            "parameters": parameters,
            "region": self._region,
            "tags": tags,
            "tagsAll": tags,
        }
