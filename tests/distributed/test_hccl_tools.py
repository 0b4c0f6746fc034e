"""The tool that writes the rank table of this host, and what it reads."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from src.common.errors import UserError
from src.model_utils import host_devices
from src.model_utils.host_devices import (
    choose_devices,
    is_own_address,
    own_address,
    parse_device_ips,
    parse_devices,
    parse_list,
    read_device_ips,
)
from src.model_utils.rank_table import read_rank_table

TOOL = Path(__file__).resolve().parents[2] / "scripts" / "hccl_tools.py"
HCCN = """address_1=192.168.100.102
netmask_1=255.255.255.0
address_0 = 192.168.100.101
gateway_0=192.168.100.1
address_4=192.168.101.101
"""
ADDRESSES = {0: "192.168.100.101", 1: "192.168.100.102", 4: "192.168.101.101"}


@pytest.fixture
def hccn(tmp_path):
    path = tmp_path / "etc" / "hccn.conf"
    path.parent.mkdir()
    path.write_text(HCCN)
    return path


def run(place, *arguments):
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, arguments)],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


# ---- the driver's file and the lists of devices


def test_the_addresses_of_the_driver(hccn):
    assert list(read_device_ips(hccn).items()) == list(ADDRESSES.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no line address_<device>=<address>"),
        ("netmask_0=255.255.255.0\n", "holds no line"),
        (f"address_{'9' * 5000}=192.168.100.1\n", "holds no line"),
        ("address_0=192.168.100.256\n", "address_0: '192.168.100.256' is not an IP address"),
        ("address_0=192.168.100.1\naddress_0=192.168.100.2\n", "address_0 is there twice"),
    ],
)
def test_a_file_of_the_driver_that_cannot_be_used(hccn, text, message):
    hccn.write_text(text)
    with pytest.raises(UserError, match=message):
        read_device_ips(hccn)
    hccn.unlink()
    with pytest.raises(UserError, match="No such file"):
        read_device_ips(hccn)


def test_addresses_that_are_given():
    assert list(parse_device_ips("4=192.168.101.101, 0=192.168.100.101").items()) == [
        (0, "192.168.100.101"),
        (4, "192.168.101.101"),
    ]
    for text, message in (
        ("192.168.100.101", "is not DEVICE=ADDRESS"),
        ("a=192.168.100.101", "is not DEVICE=ADDRESS"),
        ("", "is not DEVICE=ADDRESS"),
        (f"{'9' * 5000}=192.168.100.101", "is not DEVICE=ADDRESS"),
        ("0=192.168.100", "device 0: '192.168.100' is not an IP address"),
        ("0=1.1.1.1,0=1.1.1.2", "device 0 is there twice"),
    ):
        with pytest.raises(UserError, match=message):
            parse_device_ips(text)


@pytest.mark.parametrize(
    "text", ["[0,99999999999)", "99999999999", f"[0,{'9' * 5000})", "9" * 5000, f"1,{'9' * 5000}"]
)
def test_numbers_without_end_take_no_memory(text):
    with pytest.raises(UserError, match="is not a list of devices"):
        parse_devices(text)


def test_which_cards():
    assert parse_devices("[0,8)") == list(range(8))
    assert parse_devices("[ 4 , 6 )") == [4, 5]
    assert parse_devices("3") == [0, 1, 2]
    assert parse_devices("5,0") == [5, 0]
    assert parse_list("--visible_devices", "4") == [4]
    for text, message in (
        ("[4,4)", "no device"),
        ("0", "no device"),
        ("[0,8]", "not a list"),
        ("1,1", "twice"),
        ("a", "not a list"),
        ("", "not a list"),
        ("-1", "not a list"),
    ):
        with pytest.raises(UserError, match=message):
            parse_devices(text)


def test_chosen_cards():
    assert choose_devices(ADDRESSES, None, None) == ADDRESSES
    assert choose_devices(ADDRESSES, [4, 0], None) == {0: ADDRESSES[0], 4: ADDRESSES[4]}
    # In a container --device_num counts in the list of the visible ones.
    assert choose_devices(ADDRESSES, [0, 1], [1, 4]) == {1: ADDRESSES[1], 4: ADDRESSES[4]}
    assert choose_devices(ADDRESSES, None, [4]) == {4: ADDRESSES[4]}
    with pytest.raises(UserError, match="device 2 has no address; known are those of 0, 1, 4"):
        choose_devices(ADDRESSES, [1, 2], None)
    with pytest.raises(UserError, match="place 2 is beyond the 2 --visible_devices"):
        choose_devices(ADDRESSES, [0, 2], [0, 1])


# ---- this host


def test_which_addresses_are_this_hosts():
    assert is_own_address("127.0.0.1")
    assert not is_own_address("192.0.2.77")  # kept for documents, nobody's
    assert not is_own_address("no address")


class Probe:
    """A socket on a host whose way out begins at `address`."""

    address: str | None = None

    def __init__(self, family, kind):
        self.family = family

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass

    def connect(self, target):
        if self.address is None or (":" in self.address) != (self.family == socket.AF_INET6):
            raise OSError("network is unreachable")

    def getsockname(self):
        return (self.address, 9)


@pytest.mark.parametrize("address", ["10.155.170.71", "fd00::17"])
def test_the_address_of_this_host(monkeypatch, address):
    monkeypatch.setattr(Probe, "address", address)
    monkeypatch.setattr(host_devices.socket, "socket", Probe)
    assert own_address() == address


@pytest.mark.parametrize("address", [None, "127.0.0.1"])
def test_a_host_without_network_has_to_be_told(monkeypatch, address):
    monkeypatch.setattr(Probe, "address", address)
    monkeypatch.setattr(host_devices.socket, "socket", Probe)
    with pytest.raises(UserError, match="give it with --server_ip"):
        own_address()


# ---- the command


def test_a_table_is_written_and_checked(tmp_path, hccn):
    done = run(tmp_path, "--hccn_conf", hccn, "--server_ip", "10.155.170.71", "--device_num", "[0,2)")
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path / "hccl_2p_01_10.155.170.71.json"
    assert done.stdout == (f"{path.name}: host 10.155.170.71, devices 0, 1 with the addresses of {hccn}\n")
    (server,) = read_rank_table(path).servers
    assert server.address == "10.155.170.71"
    assert [(device.device_id, device.device_ip, device.rank_id) for device in server.devices] == [
        (0, "192.168.100.101", 0),
        (1, "192.168.100.102", 1),
    ]
    done = run(tmp_path, "--check", path.name)
    assert (done.returncode, done.stdout) == (0, f"{path.name}: 2 ranks on 1 server: 10.155.170.71 devices 0,1\n")
    done = run(tmp_path, "--host_part", path.name)
    assert done.stdout.splitlines() == [
        "rank_size=2",
        "local_size=2",
        "node_rank=0",
        "master_address=127.0.0.1",
        "device_ids=0,1",
    ]


def test_addresses_from_the_command_line_come_before_those_of_the_file(tmp_path, hccn):
    done = run(
        tmp_path,
        "--hccn_conf",
        hccn,
        "--server_ip",
        "fd00::7",
        "--device_ip",
        "1=192.168.7.7,7=192.168.7.8",
        "--visible_devices",
        "1,7",
        "--output",
        "my table.json",
    )
    assert done.returncode == 0, done.stderr
    assert f"the addresses of {hccn} and --device_ip" in done.stdout
    devices = read_rank_table(tmp_path / "my table.json").servers[0].devices
    assert [(device.device_id, device.device_ip) for device in devices] == [(1, "192.168.7.7"), (7, "192.168.7.8")]


def test_nothing_is_invented(tmp_path, hccn):
    """A file that is not there, a device without address, a wrong table: one line, and no file."""
    hccn.rename(tmp_path / "elsewhere")
    (tmp_path / "bad.json").write_text(json.dumps({"server_list": []}))
    before = sorted(tmp_path.iterdir())
    for arguments, message in (
        (("--hccn_conf", hccn), f"{hccn} is not there; give the addresses of the devices"),
        (("--hccn_conf", hccn, "--device_ip", "0=1.1.1.1", "--device_num", "2"), "device 1 has no address"),
        (("--hccn_conf", "elsewhere", "--server_ip", "10.155.170.300"), "'10.155.170.300' is not an IP address"),
        (("--check", "none.json"), "rank table 'none.json': No such file"),
        (("--check", "bad.json"), "rank table 'bad.json': version is 'None'"),
    ):
        done = run(tmp_path, *arguments)
        assert done.returncode == (1 if "bad.json" in arguments else 2)
        assert done.stderr.startswith("error: ")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
