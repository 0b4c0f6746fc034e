"""Rank tables: what is read from good ones, what is refused, which part is whose."""

import json

import pytest
from rank_tables import EIGHT, TWO_HOSTS, changed, device, table

from src.model_utils.host_part import HostPart, host_part
from src.model_utils.rank_table import RankTableError, make_rank_table, parse_rank_table, read_rank_table

FIRST = ("server_list", 0)
DEVICE = (*FIRST, "device", 1)


def nowhere(address):
    return False


def test_a_table_of_one_server():
    result = parse_rank_table(EIGHT)
    assert result.rank_size == 8
    (server,) = result.servers
    assert (server.server_id, server.address) == ("10.155.170.71", "10.155.170.71")
    assert [(device.device_id, device.rank_id) for device in server.devices] == [
        (number, number) for number in range(8)
    ]
    assert server.devices[2].device_ip == "192.168.0.3"


def test_numbers_may_be_numbers_and_addresses_of_the_sixth_version():
    content = changed(changed(TWO_HOSTS, ("server_count",), 2), (*DEVICE, "rank_id"), 1)
    content = changed(content, (*DEVICE, "device_ip"), "fd00::1")
    assert parse_rank_table(content).servers[0].devices[1].device_ip == "fd00::1"


def test_one_server_needs_no_addresses():
    """A device without network (device_ip left out or empty), a server under a name (newer tables of CANN)."""
    content = changed(changed(EIGHT, (*FIRST, "server_id"), "node_0"), (*DEVICE, "device_ip"), None)
    content = changed(content, (*FIRST, "device", 2, "device_ip"), "")
    server = parse_rank_table(content).servers[0]
    assert (server.server_id, server.address) == ("node_0", None)
    assert [device.device_ip is None for device in server.devices[:4]] == [False, True, True, False]


def test_names_with_addresses_beside_them():
    content = changed(TWO_HOSTS, (*FIRST, "server_id"), "node_0")
    content = changed({**content, "version": "1.2"}, (*FIRST, "host_ip"), "172.16.0.100")
    server = parse_rank_table(content).servers[0]
    assert (server.server_id, server.address) == ("node_0", "172.16.0.100")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "no rank table"),
        ({}, "'server_list' is missing"),
        (changed(EIGHT, ("server_list",), {}), "'server_list' is missing"),
        (changed(EIGHT, ("version",), "2.0"), "version is '2.0', expected 1.0 or 1.2"),
        (changed(EIGHT, ("status",), "initializing"), "status is 'initializing', expected completed"),
        (changed(EIGHT, ("status",), None), "status is 'None'"),
        (changed(EIGHT, ("server_count",), "2"), "server_count is 2, but server_list has 1"),
        (changed(EIGHT, ("server_count",), "one"), "server_count: 'one' is not a whole number"),
        (table(), "server_list is empty"),
        (changed(EIGHT, (*FIRST, "server_id"), "10.155.170.256"), "server_id '10.155.170.256' is not an IP address"),
        (changed(EIGHT, (*FIRST, "server_id"), "10.155.170"), "server_id '10.155.170' is not an IP address"),
        (changed(EIGHT, (*FIRST, "server_id"), "0.0.0.0"), "server_id '0.0.0.0' is the address of no machine"),
        (changed(EIGHT, (*FIRST, "server_id"), None), r"server_list\[0\]: server_id 'None' is not a text"),
        (changed(EIGHT, (*FIRST, "server_id"), 7), "server_id '7' is not a text"),
        (changed(EIGHT, (*FIRST, "device"), []), r"server_list\[0\]: 'device' is not a list of devices"),
        (changed(EIGHT, (*FIRST, "device"), None), "'device' is not a list of devices"),
        (changed(EIGHT, FIRST, "10.155.170.71"), "'device' is not a list of devices"),
        (changed(EIGHT, DEVICE, 5), r"server_list\[0\].device\[1\]: '5' is not a device"),
        (changed(EIGHT, (*DEVICE, "device_ip"), "192.168.100"), r"device\[1\]: device_ip '192.168.100' is not an IP"),
        (changed(EIGHT, (*DEVICE, "device_ip"), 3232236033), "device_ip '3232236033' is not an IP address"),
        (changed(EIGHT, (*DEVICE, "device_ip"), "192.168.0.1"), "device_ip 192.168.0.1 is there twice"),
        (changed(EIGHT, (*DEVICE, "device_id"), "-1"), "device_id: '-1' is not a whole number from 0"),
        (changed(EIGHT, (*DEVICE, "device_id"), "0"), "device_id 0 is there twice"),
        (changed(EIGHT, (*DEVICE, "device_id"), "9"), "device_id 0, 9, 2, 3, 4, 5, 6, 7 do not go up"),
        (changed(EIGHT, (*DEVICE, "device_id"), None), "device_id: 'None' is not a whole number"),
        (changed(EIGHT, (*DEVICE, "rank_id"), True), "rank_id: 'True' is not a whole number"),
        (changed(EIGHT, (*DEVICE, "rank_id"), "0"), "rank_id 0 is there twice"),
        (changed(EIGHT, (*DEVICE, "rank_id"), "8"), "rank_id: 0, 8, 2, 3, 4, 5, 6, 7 do not count up from 0"),
        (changed(EIGHT, (*DEVICE,), device(1, 1, "192.168.0.8")), "192.168.0.8 is there twice"),
        (
            changed(TWO_HOSTS, ("server_list", 1, "server_id"), "10.155.170.71"),
            "server_id 10.155.170.71 is there twice",
        ),
        (changed(TWO_HOSTS, ("server_list", 1, "host_ip"), "10.155.170.71"), "address of a server 10.155.170.71"),
        (changed(TWO_HOSTS, ("server_list", 1, "server_id"), "node_1"), "'node_1' is a name; with several servers"),
        (changed(TWO_HOSTS, (*DEVICE, "device_ip"), None), "device_ip is missing; with several servers"),
        (table(("10.0.0.1", (0, 1)), ("10.0.0.2", (0,))), "servers with 1 and 2 devices; as many on each expected"),
    ],
)
def test_what_contradicts_itself_is_refused(content, message):
    with pytest.raises(RankTableError, match=message):
        parse_rank_table(content)


def test_a_file(tmp_path):
    path = tmp_path / "hccl 8p.json"
    path.write_text(json.dumps(EIGHT), encoding="utf-8-sig")
    assert read_rank_table(path).rank_size == 8
    for text, message in (
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"server_list": 3}', "'server_list' is missing"),
    ):
        path.write_text(text)
        with pytest.raises(RankTableError, match=f"rank table '{path}': .*{message}"):
            read_rank_table(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RankTableError, match="not JSON"):
        read_rank_table(path)
    with pytest.raises(RankTableError, match=f"rank table '{tmp_path / 'none'}': No such file"):
        read_rank_table(tmp_path / "none")


def test_a_table_that_is_made_can_be_read():
    content = make_rank_table("10.155.170.71", {4: "192.168.0.5", 6: "192.168.0.7"})
    assert json.loads(json.dumps(content)) == {
        "version": "1.0",
        "server_count": "1",
        "status": "completed",
        "server_list": [
            {
                "server_id": "10.155.170.71",
                "host_nic_ip": "reserve",
                "device": [
                    {"device_id": "4", "device_ip": "192.168.0.5", "rank_id": "0"},
                    {"device_id": "6", "device_ip": "192.168.0.7", "rank_id": "1"},
                ],
            }
        ],
    }
    with pytest.raises(RankTableError, match="is there twice"):
        make_rank_table("10.155.170.71", {4: "192.168.0.5", 6: "192.168.0.5"})
    with pytest.raises(RankTableError, match="not a list of devices"):
        make_rank_table("10.155.170.71", {})


# ---- which part is this host's


def test_one_server_is_this_host_wherever_it_runs():
    expected = HostPart(8, 8, 0, "127.0.0.1", tuple(range(8)))
    assert host_part(parse_rank_table(EIGHT), nowhere) == expected
    assert host_part(parse_rank_table(EIGHT), nowhere, server="10.155.170.71") == expected


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("10.155.170.71", HostPart(4, 2, 0, "10.155.170.71", (0, 1))),
        ("10.155.170.72", HostPart(4, 2, 1, "10.155.170.71", (4, 5))),
    ],
)
def test_of_several_servers_the_one_with_an_address_of_this_host(address, part):
    content = parse_rank_table(TWO_HOSTS)
    assert host_part(content, address.__eq__) == part
    assert host_part(content, nowhere, server=address) == part


def test_a_host_that_is_not_or_more_than_once_in_the_table():
    content = parse_rank_table(TWO_HOSTS)
    with pytest.raises(RankTableError, match=r"none of the servers 10\.155\.170\.71, 10\.155\.170\.72 is this host"):
        host_part(content, nowhere)
    with pytest.raises(RankTableError, match="more than one of the servers .* --server_ip"):
        host_part(content, lambda address: True)
    with pytest.raises(RankTableError, match=r"server '10\.0\.0\.1' is not in the rank table"):
        host_part(content, nowhere, server="10.0.0.1")
