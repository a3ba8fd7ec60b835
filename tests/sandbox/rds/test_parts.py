"""The pure parts of the stand-in: what they decide, by exact value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from sandbox.aws.errors import AwsError
from sandbox.aws.faults import Fault, FaultQueue
from sandbox.aws.moto_services import byte_range, reads_only
from sandbox.aws.rds import operations
from sandbox.aws.rds.data import identifiers
from sandbox.aws.rds.data.state import Instance, Region, Step, Store
from sandbox.aws.rds.data.timestamps import next_ms, whole_ms
from sandbox.aws.rds.operations.registry import OPERATIONS, protocol
from sandbox.aws.rds.operations.served import MODULES
from sandbox.aws.request_journal import Journal, Request
from sandbox.postgres.cluster import BaseBackup, backup_for, wal_from
from sandbox.postgres.settings import Recovery, ServerSettings, configuration, host_based_authentication
from sandbox.postgres.tls import Authority

AT = datetime(2026, 11, 22, 14, 30, 0, 123456, tzinfo=UTC)


def parse(action: str, form: dict[str, str]) -> dict[str, Any]:
    return protocol.parse(protocol.operation(action), form)


def test_nested_lists_and_types_of_a_request_are_read_as_the_model_says() -> None:
    form = {
        "Action": "DescribeDBInstances",
        "Version": "2014-10-31",
        "Filters.Filter.1.Name": "engine",
        "Filters.Filter.1.Values.Value.1": "postgres",
        "Filters.Filter.1.Values.Value.2": "mysql",
        "MaxRecords": "20",
    }
    assert parse("DescribeDBInstances", form) == {
        "Filters": [{"Name": "engine", "Values": ["postgres", "mysql"]}],
        "MaxRecords": 20,
    }


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"DBInstanceIdentifier": "x", "Extra": "1"}, "ValidationError"),
        ({"MaxRecords": "many"}, "MalformedInput"),
        ({"Filters.Filter.1.Nmae": "x"}, "ValidationError"),
    ],
)
def test_a_request_that_is_not_understood_in_full_is_refused(form: dict[str, str], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse("DescribeDBInstances", form)
    assert caught.value.code == code


def test_hostile_text_stays_text_in_an_answer() -> None:
    model = protocol.operation("ListTagsForResource")
    answer = protocol.answer(model, {"TagList": [{"Key": "<b>", "Value": "a&b"}]}, "id")
    assert "<Key>&lt;b&gt;</Key><Value>a&amp;b</Value>" in answer


def test_no_module_of_operations_is_forgotten_by_the_server() -> None:
    folder = {file.stem for path in operations.__path__ for file in Path(path).glob("*.py")}
    assert {module.__name__.rpartition(".")[2] for module in MODULES} == folder - {"__init__", "registry", "served"}


def test_every_operation_names_only_parameters_that_its_model_has() -> None:
    assert len(OPERATIONS) > 45
    for name, operation in OPERATIONS.items():
        shape = protocol.operation(name).input_shape
        assert operation.accepts <= set(shape.members if shape else ())


def test_a_recovery_window_never_promises_more_than_there_is() -> None:
    assert whole_ms(AT) == AT.replace(microsecond=123000)
    assert next_ms(AT) == AT.replace(microsecond=124000)
    assert next_ms(whole_ms(AT)) == whole_ms(AT)


def test_recovery_begins_with_the_newest_backup_that_ended_before_the_target() -> None:
    backups = [BaseBackup(Path(str(n)), "0" * 24, AT + timedelta(hours=n)) for n in range(3)]
    assert backup_for(backups, AT + timedelta(hours=1)) == backups[1]
    assert backup_for(backups, AT - timedelta(seconds=1)) is None


def test_recovery_is_fed_every_segment_from_the_backup_on_and_no_half_copied_one() -> None:
    archived = [
        "000000010000000000000002",
        "000000010000000000000003",
        "000000010000000000000004.part",
        "000000010000000000000003.00000028.backup",
        "00000002.history",
        "000000020000000000000004",
        "000000010000000000000004.partial",
    ]
    assert wal_from("000000010000000000000003", iter(archived)) == [
        "000000010000000000000003",
        "000000010000000000000004.partial",
        "00000002.history",
        "000000020000000000000004",
    ]


def test_a_customer_s_parameter_never_replaces_what_the_server_stands_on() -> None:
    settings = ServerSettings(
        "127.1.2.3", 5432, Path("/s"), Path("/a"), Path("/c"), Path("/k"), extra={"port": "1", "work_mem": "it's"}
    )
    text = configuration(settings, Recovery(Path("/feed"), AT))
    assert "port = '5432'" in text
    assert "work_mem = 'it''s'" in text
    assert "recovery_target_time = '2026-11-22T14:30:00.123456+00:00'" in text
    assert "recovery_target" not in configuration(settings)


def test_without_tls_a_remote_login_is_possible_only_where_force_ssl_is_off() -> None:
    assert "hostssl all all all scram-sha-256" in host_based_authentication()
    assert "\nhost all all all scram-sha-256" in host_based_authentication(force_ssl=False)


@pytest.mark.parametrize("bad", ["1a", "a--b", "a-", "", "a_b", "x" * 64])
def test_a_malformed_identifier_is_refused(bad: str) -> None:
    with pytest.raises(AwsError, match="not a valid identifier"):
        identifiers.checked(bad, "DBInstanceIdentifier")


def test_a_fault_comes_after_the_occasions_it_lets_pass_and_as_often_as_asked() -> None:
    registry = FaultQueue()
    registry.add(Fault(kind="throttle", operation="X", times=2, after=1))
    took = [registry.take("throttle", "X") is not None for _ in range(5)]
    assert took == [False, True, True, False, False]
    assert registry.take("throttle", "Y") is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (0, 9)),
        ("bytes=2-3", (2, 3)),
        ("bytes=5-", (5, 9)),
        ("bytes=-4", (6, 9)),
        ("bytes=8-99", (8, 9)),
        ("bytes=10-", None),
        ("bytes=1-2,4-5", None),
        ("bytes=-", None),
    ],
)
def test_ranges_are_cut_as_http_says(header: str | None, expected: tuple[int, int] | None) -> None:
    assert byte_range(header, 10) == expected


def test_what_only_reads_is_not_kept_in_the_journal_and_what_may_write_is() -> None:
    query = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8"}
    assert reads_only(query, b"Action=DescribeSubnets&Version=1")
    assert not reads_only(query, b"Action=CreateTopic&Name=x")
    assert reads_only({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "secretsmanager.GetSecretValue"}, b"")
    assert not reads_only({"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": "secretsmanager.PutSecretValue"}, b"")
    assert not reads_only({"REQUEST_METHOD": "PUT"}, b"")


def test_the_journal_gives_back_what_it_got_and_forgets_a_line_that_a_kill_cut_off(tmp_path: Path) -> None:
    requests = [
        Request(n, AT, "PUT", "/b/k\u00e9", "x=1", (("HTTP_HOST", "h"),), bytes([n]) * size)
        for n, size in enumerate((0, 10, 100_000))
    ]
    journal = Journal(tmp_path)
    for request in requests:
        journal.append(request)
    with (tmp_path / "log.jsonl").open("ab") as log:
        log.write(b'{"seed": 1, "ti')
    again = Journal(tmp_path)
    assert list(again) == requests
    assert again.count == len(requests)
    again.append(requests[0])
    assert len(list(Journal(tmp_path))) == len(requests) + 1


def test_the_state_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.json")
    region: Region = store.region("us-east-1")
    shape = {"DBInstanceIdentifier": "a", "DbiResourceId": "db-A", "InstanceCreateTime": AT, "DBInstanceStatus": "x"}
    region.instances["a"] = Instance(shape, [Step("restore", "creating", {"target": AT, "message": "m"})], "stopped")
    region.events.append({"Date": AT})
    store.save()
    assert Store(tmp_path / "state.json").regions == store.regions


def test_the_root_certificates_are_as_long_as_those_of_aws_and_the_last_one_counts(tmp_path: Path) -> None:
    """AWS's global bundle has 156-174 kB, more than Linux lets an environment variable have."""
    authority = Authority(tmp_path)
    content = authority.certificate_path.read_bytes()
    assert 156_000 < len(content) < 174_000
    *others, own = x509.load_pem_x509_certificates(content)
    server = x509.load_pem_x509_certificate(authority.issue("127.0.0.1").certificate)
    server.verify_directly_issued_by(own)
    assert server.issuer not in {other.subject for other in others}
    assert len({other.subject for other in others}) == len(others) > 100
    assert all(other.extensions.get_extension_for_class(x509.BasicConstraints).value.ca for other in others)
    again = x509.load_pem_x509_certificate(Authority(tmp_path).issue("127.0.0.2").certificate)
    again.verify_directly_issued_by(own)
