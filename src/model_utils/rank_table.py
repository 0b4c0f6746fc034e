"""HCCL's rank table: which device of which server has which rank in a training on Ascend.

{"version": "1.0", "server_count": "1", "status": "completed",
 "server_list": [{"server_id": "10.155.170.71", "host_nic_ip": "reserve",
                  "device": [{"device_id": "0", "device_ip": "192.168.100.101", "rank_id": "0"}, ...]}]}

A table is checked whole before anything is started: a wrong one is noticed by HCCL only when a connection times
out, minutes later.
"""

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.common.bounded_file import SMALL, read_bounded_text
from src.common.errors import UserError
from src.common.options import OptionError

VERSIONS = ("1.0", "1.2")
_NAME = re.compile(r"[A-Za-z][\w.-]{0,63}")


class RankTableError(UserError):
    """A rank table that cannot be used; the message names the file, the place and the value."""


class RankTableOptionError(RankTableError, OptionError):
    """A table that is not there, or an address that is none."""


@dataclass(frozen=True)
class Device:
    """One device: its number on its server, the address of its network interface (None = not given), and its rank."""

    device_id: int
    device_ip: str | None
    rank_id: int


@dataclass(frozen=True)
class Server:
    """`address` is that of the host; None where `server_id` is a plain name."""

    server_id: str
    address: str | None
    devices: tuple[Device, ...]


@dataclass(frozen=True)
class RankTable:
    """Servers and devices in the order of the ranks, which count up from 0."""

    servers: tuple[Server, ...]

    @property
    def rank_size(self) -> int:
        return sum(len(server.devices) for server in self.servers)


def read_rank_table(path: Path) -> RankTable:
    """The table in a file.

    Raises:
        RankTableError: it cannot be read, is not a rank table, or contradicts itself.
    """
    try:
        content = json.loads(read_bounded_text(path, SMALL))
    except OSError as error:
        raise RankTableOptionError(f"rank table '{path}': {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise RankTableError(f"rank table '{path}': not JSON ({error})") from None
    try:
        return parse_rank_table(content)
    except RankTableError as error:
        raise RankTableError(f"rank table '{path}': {error}") from None


def parse_rank_table(content: Any) -> RankTable:
    """The table of what its JSON holds.

    Checked: version and status; the number of servers; that server ids, addresses, device numbers and ranks are
    there, valid and unique; that ranks count up from 0 through servers and devices; that all servers have as many
    devices, as the launcher needs it. Device addresses may be missing only where one server trains alone.

    Raises:
        RankTableError: names the place and the value.
    """
    if not isinstance(content, dict) or not isinstance(content.get("server_list"), list):
        raise RankTableError("no rank table: 'server_list' is missing (hccl_tools.py writes one)")
    _expect("version", str(content.get("version")), VERSIONS)
    _expect("status", str(content.get("status")), ("completed",))
    entries = content["server_list"]
    count = _number("server_count", content.get("server_count"))
    if count != len(entries):
        raise RankTableError(f"server_count is {count}, but server_list has {len(entries)}")
    if not entries:
        raise RankTableError("server_list is empty")
    servers = tuple(_server(entry, number, alone=count == 1) for number, entry in enumerate(entries))
    _unique("server_id", (server.server_id for server in servers))
    _unique("address of a server", (server.address for server in servers if server.address))
    devices = [device for server in servers for device in server.devices]
    _unique("device_ip", (device.device_ip for device in devices if device.device_ip))
    ranks = [device.rank_id for device in devices]
    _unique("rank_id", ranks)
    if ranks != list(range(len(ranks))):
        raise RankTableError(
            f"rank_id: {', '.join(map(str, ranks))} do not count up from 0 through servers and devices"
        )
    sizes = {len(server.devices) for server in servers}
    if len(sizes) > 1:
        raise RankTableError(
            f"servers with {' and '.join(map(str, sorted(sizes)))} devices; as many on each expected"
        )
    return RankTable(servers)


def make_rank_table(address: str, device_ips: Mapping[int, str]) -> dict[str, Any]:
    """The JSON of a table for one server with the devices of `device_ips` (number -> address), ranks in their order.

    Raises:
        RankTableError: an address that is none or is there twice, or no device.
    """
    devices = [
        {"device_id": str(device_id), "device_ip": device_ip, "rank_id": str(rank)}
        for rank, (device_id, device_ip) in enumerate(device_ips.items())
    ]
    content = {
        "version": "1.0",
        "server_count": "1",
        "server_list": [{"server_id": address, "device": devices, "host_nic_ip": "reserve"}],
        "status": "completed",
    }
    parse_rank_table(content)
    return content


def _server(entry: Any, number: int, alone: bool) -> Server:
    place = f"server_list[{number}]"
    if not isinstance(entry, dict) or not isinstance(entry.get("device"), list) or not entry["device"]:
        raise RankTableError(f"{place}: 'device' is not a list of devices")
    name = entry.get("server_id")
    address = entry.get("host_ip", name)
    if not isinstance(name, str) or not name:
        raise RankTableError(f"{place}: server_id '{name}' is not a text")
    if isinstance(address, str) and _NAME.fullmatch(address) and not _is_address(address):
        if not alone:
            raise RankTableError(
                f"{place}: server_id '{address}' is a name; with several servers an address is needed"
            )
        address = None
    else:
        address = _address(f"{place}: server_id", address)
    devices = tuple(_device(item, f"{place}.device[{index}]", alone) for index, item in enumerate(entry["device"]))
    ids = [device.device_id for device in devices]
    _unique(f"{place}: device_id", ids)
    if ids != sorted(ids):  # the runtime numbers the devices that it shows to the processes in this order
        raise RankTableError(f"{place}: device_id {', '.join(map(str, ids))} do not go up")
    return Server(name, address, devices)


def _device(entry: Any, place: str, alone: bool) -> Device:
    if not isinstance(entry, dict):
        raise RankTableError(f"{place}: '{entry}' is not a device")
    address = entry.get("device_ip")
    if not address and not alone:
        raise RankTableError(f"{place}: device_ip is missing; with several servers every device needs one")
    return Device(
        device_id=_number(f"{place}: device_id", entry.get("device_id")),
        device_ip=_address(f"{place}: device_ip", address) if address else None,
        rank_id=_number(f"{place}: rank_id", entry.get("rank_id")),
    )


def _number(name: str, value: Any) -> int:
    """A whole number from 0, as HCCL writes it ("3") or plainly (3)."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise RankTableError(f"{name}: '{text[:20]}' is not a whole number from 0")
    return int(text)


def _is_address(value: Any) -> bool:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return False
    return True


def _address(name: str, value: Any) -> str:
    if not isinstance(value, str) or not _is_address(value):
        raise RankTableError(f"{name} '{value}' is not an IP address")
    if ipaddress.ip_address(value).is_unspecified:
        raise RankTableError(f"{name} '{value}' is the address of no machine")
    return value


def _expect(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise RankTableError(f"{name} is '{value}', expected {' or '.join(accepted)}")


def _unique(name: str, values: Iterable[Any]) -> None:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise RankTableError(f"{name} {value} is there twice")
        seen.add(value)
