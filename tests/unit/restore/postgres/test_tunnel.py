"""A tunnel changes where a connection goes, and neither whose certificate it takes nor what anybody compares."""

from __future__ import annotations

from restore.aws.rds import add_tunnel
from restore.model.rds import Endpoint
from tests.support import worlds
from validation.connect.target import NO_OTHER_SERVER, Target

TUNNEL = {"shop": "127.0.0.1:15432", worlds.CANDIDATE_HOST: "[::1]:15433"}


def test_an_instance_is_reached_by_the_tunnel_of_its_name_or_of_its_host() -> None:
    source = add_tunnel(worlds.instance(), TUNNEL).endpoint
    candidate = add_tunnel(worlds.candidate(), TUNNEL).endpoint
    assert source is not None
    assert candidate is not None
    assert (source.via, candidate.via) == ("127.0.0.1:15432", "[::1]:15433")
    assert (source, str(source)) == (worlds.SOURCE_AT, str(worlds.SOURCE_AT))


def test_other_instances_and_those_without_an_address_stay_as_they_are() -> None:
    other = worlds.instance("other", endpoint=Endpoint("other.example", 5432))
    none = worlds.instance(endpoint=None)
    assert add_tunnel(other, TUNNEL).endpoint == Endpoint("other.example", 5432, "")
    assert add_tunnel(none, TUNNEL) == none


def test_the_certificate_is_verified_for_the_endpoint_s_name_and_not_for_the_tunnel() -> None:
    target = Target("shop.example", "shop", "app", via="[::1]:15433")
    keywords = target.build_keywords(None)
    assert {name: keywords[name] for name in ("host", "hostaddr", "port", "sslmode")} == {
        "host": "shop.example",
        "hostaddr": "::1",
        "port": "15433",
        "sslmode": "verify-full",
    }
    direct = Target("shop.example", "shop", "app").build_keywords(None)
    assert (direct["hostaddr"], direct["port"]) == (NO_OTHER_SERVER["hostaddr"], "5432")
